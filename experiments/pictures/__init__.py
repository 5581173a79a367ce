"""Pictures: figures, GIFs and grids of images."""
