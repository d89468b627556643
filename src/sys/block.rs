//! Block-device ioctls. All numbers are from `linux/fs.h`.
