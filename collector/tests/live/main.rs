//! The collector on a live kernel: this machine's, and those that the kernel matrix boots. Needs root and eBPF, so
//! cargo leaves these tests out; `cargo xtask live` runs them, and says so loudly where it cannot.

mod common;
mod families;
mod flight;
mod pressure;
mod record;
mod refusals;
mod sampling;
mod stat;
mod systemd;
mod top;
