"""Bytes of image files: what Pillow cannot hold (deep colour, float colour) is done here."""
