"""Objects that are no images, of any maker: read truthfully, nothing dropped."""
