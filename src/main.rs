//! The command line: parse, run, print the error chain, exit.

use keelblock::exit::Exit;

fn main() -> Exit {
    Exit::Usage
}
