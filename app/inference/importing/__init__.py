"""Model packs made from what the field already has; nothing from a bundle is ever executed."""
