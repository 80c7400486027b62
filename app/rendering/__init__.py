"""VTK: slice images and colour. Gives images, knows no widgets."""
