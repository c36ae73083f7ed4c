//! The lines that `make bench` collects.
#![allow(clippy::print_stdout, reason = "a bench reports")]

/// One line of the summary, in the form that the Makefile looks for.
pub(crate) fn report(what: &str, measured: &str, target: &str) {
    println!("=> {what:<56} {measured:>24}   {target}");
}
