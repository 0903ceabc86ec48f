"""Where data come from: bundled sets, downloads, image files, arrays on disk."""
