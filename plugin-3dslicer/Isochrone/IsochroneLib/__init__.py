"""The Isochrone extension's library. Nothing here imports gRPC before the reader has agreed to install it."""
