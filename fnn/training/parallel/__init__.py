"""Several devices and processes: meshes, sharding, collectives."""
