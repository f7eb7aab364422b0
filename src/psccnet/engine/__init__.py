"""The network on pictures of any size: graphs, tiles and the runtimes that run them."""
