//! The proxies, each with the very files under `deploy/`: only what their comments say is to be changed is changed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::application::Application;
use crate::client::Request;
use crate::process::{Process, free_port, until};
use crate::service::Service;

/// Which proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Nginx,
    Caddy,
    Envoy,
}

/// Service, application, and a proxy between client and application. The proxy ends first.
pub(crate) struct World {
    pub(crate) proxy: Proxy,
    pub(crate) service: Service,
    pub(crate) application: Application,
    _directory: tempfile::TempDir,
}

/// A running proxy.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    _process: Process,
}

impl World {
    pub(crate) async fn with(kind: Kind) -> Self {
        Self::with_profile(kind, "default").await
    }

    /// A world in which the proxy asks for this profile.
    pub(crate) async fn with_profile(kind: Kind, profile: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        // nginx's workers are somebody else, who has to get to what nginx keeps here.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let application = Application::start();
        let service = Service::start(directory.path()).await;
        let site = Site {
            directory: directory.path(),
            listen: free_port(),
            signet: service.port,
            application: application.port,
            profile,
        };
        let proxy = site.start(kind).await;
        Self { proxy, service, application, _directory: directory }
    }

    /// A request to the proxy.
    pub(crate) fn request(&self, method: &str, target: &str) -> Request {
        Request::new(self.proxy.port, method, target)
    }
}

/// What is changed in the files.
struct Site<'a> {
    directory: &'a Path,
    listen: u16,
    signet: u16,
    application: u16,
    profile: &'a str,
}

impl Site<'_> {
    async fn start(&self, kind: Kind) -> Proxy {
        let mut command = match kind {
            Kind::Nginx => self.nginx(),
            Kind::Caddy => self.caddy(),
            Kind::Envoy => self.envoy(),
        };
        let mut process = Process::start(&mut command, &self.directory.join(format!("{kind:?}.log")));
        // 401 has gone all the way to the service.
        let asked = Request::new(self.listen, "GET", "/ready");
        until(&mut process, || async { asked.send().await.status == 401 }).await;
        Proxy { port: self.listen, _process: process }
    }

    /// As the files say, included from a bare configuration in place of Debian's.
    fn nginx(&self) -> Command {
        let ports = [
            ("127.0.0.1:8000", self.listen),
            ("127.0.0.1:8080", self.signet),
            ("127.0.0.1:3000", self.application),
        ];
        let ports = ports.map(|(shown, port)| (shown.to_owned(), format!("127.0.0.1:{port}")));
        self.copy("nginx/conf.d/application.conf", &[&ports[..], &[self.path()]].concat());
        self.copy("nginx/snippets/signet_protected.conf", &[]);
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {kind};\n"))
            .concat();
        let main = format!(
            "pid nginx.pid;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}include conf.d/*.conf;\n}}\n"
        );
        let directory = self.directory.join("nginx");
        fs::write(directory.join("nginx.conf"), main).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&directory).arg("-c").arg(directory.join("nginx.conf"));
        command.args(["-e", "stderr", "-g", "daemon off;"]);
        command
    }

    /// The file as it is: it takes everything from the environment.
    fn caddy(&self) -> Command {
        let mut command = Command::new("caddy");
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(shipped("caddy/Caddyfile"));
        command
            .env("SITE", format!("http://127.0.0.1:{}, http://app.example:{}", self.listen, self.listen))
            .env("SIGNET", format!("127.0.0.1:{}", self.signet))
            .env("APPLICATION", format!("127.0.0.1:{}", self.application))
            .env("PROFILE", self.profile)
            .env("CADDY_ADMIN", format!("127.0.0.1:{}", free_port()))
            .env("XDG_DATA_HOME", self.directory)
            .env("XDG_CONFIG_HOME", self.directory);
        command
    }

    fn envoy(&self) -> Command {
        let ports = [(8000, self.listen), (8080, self.signet), (3000, self.application)];
        let mut changes: Vec<_> = ports
            .iter()
            .map(|(shown, port)| (format!("port_value: {shown} "), format!("port_value: {port} ")))
            .collect();
        changes.push(self.path());
        let file = self.copy("envoy/envoy.yaml", &changes);
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.tools/venv/bin/envoy"));
        command.args(["--concurrency", "2", "--log-level", "warn", "--use-dynamic-base-id", "-c"]).arg(file);
        command
    }

    fn path(&self) -> (String, String) {
        ("/v1/forward-auth/default".into(), format!("/v1/forward-auth/{}", self.profile))
    }

    /// A file of `deploy/` with each of these changed wherever it stands.
    fn copy(&self, file: &str, changes: &[(String, String)]) -> PathBuf {
        let mut text = fs::read_to_string(shipped(file)).unwrap();
        for (shown, real) in changes {
            assert!(text.contains(shown), "{file} says nothing of {shown}");
            text = text.replace(shown, real);
        }
        let copy = self.directory.join(file);
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::write(&copy, text).unwrap();
        copy
    }
}

/// The path of a file that ships.
pub(crate) fn shipped(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(file)
}
