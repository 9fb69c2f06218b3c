"""Container registries, and the builds of images in them (ACR Tasks); no image is really built."""
