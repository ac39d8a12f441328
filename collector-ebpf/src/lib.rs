//! An empty library: `collector` depends on it so that cargo rebuilds the programs of `main.rs` when they change.
#![no_std]
