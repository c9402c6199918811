"""Pictures and cameras as nodes need them."""
