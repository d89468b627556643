//! The example Dockerfile.
