"""From Python to machine code: emission, compilation, the object cache, native workers."""
