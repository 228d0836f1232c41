"""The whole of Ruta on one machine, with fictitious data: to look at, to build on, to test."""
