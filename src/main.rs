//! The program: everything it does is in the library's `cli`.

use std::process::ExitCode;

// musl's own takes every few pages from the kernel and gives them back, which is a third of the time of a short run.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    keelblock::cli::run()
}
