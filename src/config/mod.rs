//! The configuration: Talos' rendered machine config, read strictly where keelblock owns it.

pub mod spec;
