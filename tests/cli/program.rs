//! A directory to run the program in, and a service that runs there.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A working directory of its own, with a port of its own.
pub(crate) struct Place {
    directory: TempDir,
    port: u16,
    variables: Vec<(String, String)>,
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A running service; killed when dropped.
pub(crate) struct Serving {
    child: Child,
    /// What it printed until it was ready.
    pub(crate) welcome: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { directory: tempfile::tempdir().unwrap(), port, variables: Vec::new() }
    }

    /// Sets a variable for everything that runs here from now on.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.directory.path()).env_clear();
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command.env("SIGNET_SERVER__LISTEN", format!("127.0.0.1:{}", self.port));
        command.envs(self.variables.iter().cloned());
        command
    }

    /// Runs a command with nothing on its standard input.
    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        self.run_with("", arguments)
    }

    pub(crate) fn run_with(&self, input: &str, arguments: &[&str]) -> Done {
        Done::of(self.command(env!("CARGO_BIN_EXE_signet"), arguments), input)
    }

    /// Pastes lines into a shell.
    pub(crate) fn paste(&self, lines: &str) -> Done {
        Done::of(self.command("sh", &["-c", lines]), "")
    }

    /// Runs a command with `--json` and returns what it printed.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let done = self.run(&[arguments, &["--json"]].concat());
        assert_eq!((done.code, done.err.as_str()), (0, ""), "{arguments:?}");
        serde_json::from_str(&done.out).unwrap()
    }

    /// Starts the service in development mode and waits for its welcome.
    pub(crate) fn serve(&self) -> Serving {
        let mut command = self.command(env!("CARGO_BIN_EXE_signet"), &["serve"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut serving = Serving { child, welcome: String::new() };
        let lines = BufReader::new(serving.child.stdout.take().unwrap()).lines().map(Result::unwrap);
        for line in lines {
            serving.welcome.extend([line.as_str(), "\n"]);
            if line.contains("Ctrl-C") {
                return serving;
            }
        }
        panic!("the service did not start: {}", serving.welcome);
    }
}

impl Done {
    fn of(mut command: Command, input: &str) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that reads nothing may be gone already.
        drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Failed with this code, nothing on standard output, and one line on standard error that names this.
    #[track_caller]
    pub(crate) fn refused(&self, code: i32, name: &str) {
        assert_eq!(self.code, code, "{self:?}");
        assert_eq!(self.out, "", "results only");
        let lines: Vec<&str> = self.err.lines().filter(|line| line.starts_with("error: ")).collect();
        assert!(lines.len() == 1 && lines[0].contains(name), "{name}: {self:?}");
    }

    #[track_caller]
    pub(crate) fn worked(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }
}

impl Serving {
    /// Asks it to end by this signal and says with which code it did.
    pub(crate) fn stop(mut self, signal: &str) -> Option<i32> {
        let asked = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(asked.success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
