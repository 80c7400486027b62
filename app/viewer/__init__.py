"""View state without Qt and VTK: layout, viewports, tools, hanging, synchronisation."""
