//! The only way to read or write sysfs, procfs, `/etc` and `/run`: below "/" or below a fixture tree.
