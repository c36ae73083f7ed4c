//! The `signet` program: see `signet --help`.

fn main() -> std::process::ExitCode {
    signet::cli::run()
}
