//! talhelper as a judge, over a pipe, and ours in the same words.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock};

use keelblock::config::talconfig::{
    FileError, Files, Kind, Meaning, NodeConfigs, Talconfig, Text, Texts, Value, Variables,
};
use serde::Deserialize;
use serde_json::Value as Json;
use zeroize::Zeroizing;

#[path = "../support/go.rs"]
mod go;

/// What talhelper makes of a request.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Answer {
    pub error: String,
    pub text: String,
    pub env: BTreeMap<String, String>,
    pub issues: BTreeMap<String, Option<Vec<String>>>,
    pub nodes: Vec<Node>,
    pub patches: Option<Vec<Patch>>,
    pub differ: String,
    pub releases: Vec<Release>,
    pub shape: Json,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Node {
    pub error: String,
    pub yaml: String,
    /// The name of its file; empty if it has none.
    pub file: String,
    pub patches: Option<Vec<Patch>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Patch {
    pub error: String,
    pub text: String,
    pub skipped: bool,
    pub template: bool,
}

#[derive(Debug, Deserialize)]
pub struct Release {
    pub version: String,
    pub extensions: Option<Vec<String>>,
    pub overlays: Option<Vec<[String; 2]>>,
}

/// talhelper's own example, with its files and the variables that it needs.
pub struct Example {
    folder: PathBuf,
    pub files: BTreeMap<String, String>,
    pub env: BTreeMap<String, String>,
}

impl Example {
    /// From the module that the judge is built of.
    pub fn read() -> Self {
        let module = Command::new("go")
            .args([
                "list",
                "-m",
                "-f",
                "{{.Dir}}",
                "github.com/budimanjojo/talhelper/v3",
            ])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/talhelper"))
            .output()
            .expect("go is there, for it builds the judge");
        let folder = String::from_utf8(module.stdout).unwrap();
        let mut example = Self {
            folder: Path::new(folder.trim()).join("example"),
            files: BTreeMap::new(),
            env: BTreeMap::new(),
        };
        for name in [
            "talconfig.yaml",
            "uservolumeconfig3.yaml",
            "extraNodeLabels-patch.yaml",
        ] {
            let text = example.text(name);
            example.files.insert(name.to_owned(), text);
        }
        // Its talenv.yaml and tsauth.env are encrypted: what is in them comes from the environment, and from a file of ours.
        let (name, text) = ("tsauth.env", "TS_AUTHKEY=${tsAuth}\n");
        example.files.insert(name.to_owned(), text.to_owned());
        for (name, value) in [
            ("myDomainName", "example.test"),
            ("udp", "udp://x"),
            ("tsAuth", "123"),
        ] {
            example.env.insert(name.to_owned(), value.to_owned());
        }
        example
    }

    /// One of its files as it is.
    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).unwrap()
    }
}

/// The running program.
pub struct Judge {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

static JUDGE: OnceLock<Mutex<Judge>> = OnceLock::new();

/// The one judge of this test program, which answers one question after the other.
pub fn judge() -> MutexGuard<'static, Judge> {
    let judge = JUDGE.get_or_init(|| Mutex::new(Judge::start()));
    judge
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Judge {
    fn start() -> Self {
        let mut child = Command::new(go::build("tests/talhelper", "talhelper-judge"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the judge was built and starts");
        Self {
            requests: child.stdin.take().expect("piped"),
            answers: BufReader::new(child.stdout.take().expect("piped")),
            child,
        }
    }

    pub fn ask(&mut self, request: &Json) -> Answer {
        writeln!(self.requests, "{request}").expect("the judge reads");
        let mut line = String::new();
        self.answers
            .read_line(&mut line)
            .expect("the judge answers");
        serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("{error} in the judge's answer {line:?} to {request}"))
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Files that are only in memory, below one folder.
pub struct Memory<'m> {
    pub folder: &'m str,
    pub files: &'m BTreeMap<String, String>,
}

impl Files for Memory<'_> {
    fn read(&self, path: &str) -> Result<Zeroizing<String>, FileError> {
        let name = path
            .strip_prefix(self.folder)
            .and_then(|path| path.strip_prefix('/'));
        let text = name.and_then(|name| self.files.get(name));
        text.map(|text| Zeroizing::new(text.clone()))
            .ok_or(FileError::Missing)
    }
}

pub fn variables(env: &BTreeMap<String, String>) -> Variables {
    let owned = |(name, value): (&String, &String)| (name.clone(), Zeroizing::new(value.clone()));
    env.iter().map(owned).collect()
}

/// The configuration in the notation of talconfig.yaml, every node with what its group has. It is YAML in braces, for
/// numbers have to stay as they are written.
pub fn view(config: &Talconfig) -> String {
    let mut top = Fields::default();
    top.text("clusterName", &config.cluster_name);
    top.text("talosVersion", &config.talos_version);
    top.text("kubernetesVersion", &config.kubernetes_version);
    top.text("endpoint", &config.endpoint);
    top.text("domain", &config.domain);
    top.flag(
        "allowSchedulingOnMasters",
        config.allow_scheduling_on_masters,
    );
    top.flag(
        "allowSchedulingOnControlPlanes",
        config.allow_scheduling_on_control_planes,
    );
    top.texts(
        "additionalMachineCertSans",
        config.additional_machine_cert_sans.as_ref(),
    );
    top.texts(
        "additionalApiServerCertSans",
        config.additional_api_server_cert_sans.as_ref(),
    );
    let manifests = config.inline_manifests.as_ref();
    top.list(
        "inlineManifests",
        manifests.map(|it| {
            it.iter()
                .map(|manifest| {
                    let mut fields = Fields::default();
                    fields.text("name", &manifest.name);
                    fields.text("contents", &manifest.contents);
                    fields.flag("skipEnvsubst", manifest.skip_envsubst);
                    fields.finish()
                })
                .collect()
        }),
    );
    top.texts("clusterPodNets", config.cluster_pod_nets.as_ref());
    top.texts("clusterSvcNets", config.cluster_svc_nets.as_ref());
    top.value("cniConfig", config.cni_config.as_ref());
    top.texts("patches", config.patches.as_ref());
    let mut factory = Fields::default();
    factory.text("registryURL", &config.image_factory.registry_url);
    factory.text(
        "schematicEndpoint",
        &config.image_factory.schematic_endpoint,
    );
    factory.text("protocol", &config.image_factory.protocol);
    factory.text(
        "installerURLTmpl",
        &config.image_factory.installer_url_template,
    );
    factory.text("ISOURLTmpl", &config.image_factory.image_url_template);
    top.raw("imageFactory", factory.finish());
    top.list("nodes", Some(config.nodes.iter().map(node).collect()));
    top.finish()
}

fn node(node: &keelblock::config::talconfig::Node) -> String {
    let mut fields = Fields::default();
    fields.text("hostname", &node.hostname);
    fields.text("ipAddress", &node.ip_address);
    fields.flag("controlPlane", node.control_plane);
    fields.text("installDisk", &node.install_disk);
    fields.value("installDiskSelector", node.install_disk_selector.as_ref());
    fields.flag("ignoreHostname", node.ignore_hostname);
    fields.flag("overridePatches", node.override_patches);
    fields.flag("overrideExtraManifests", node.override_extra_manifests);
    fields.flag("overrideMachineCertSANs", node.override_machine_cert_sans);
    configs(&mut fields, &node.configs);
    fields.finish()
}

fn configs(fields: &mut Fields, configs: &NodeConfigs) {
    fields.map("nodeLabels", configs.node_labels.as_ref());
    fields.map("nodeAnnotations", configs.node_annotations.as_ref());
    fields.map("nodeTaints", configs.node_taints.as_ref());
    fields.value("machineDisks", configs.machine_disks.as_ref());
    let files = configs.machine_files.as_ref();
    fields.list(
        "machineFiles",
        files.map(|it| {
            it.iter()
                .map(|file| {
                    let mut fields = Fields::default();
                    fields.text("content", &file.content);
                    fields.raw("permissions", file.permissions.to_string());
                    fields.text("path", &file.path);
                    fields.text("op", &file.op);
                    fields.flag("skipEnvsubst", file.skip_envsubst);
                    fields.finish()
                })
                .collect()
        }),
    );
    fields.flag("disableSearchDomain", configs.disable_search_domain);
    fields.value("kernelModules", configs.kernel_modules.as_ref());
    fields.texts("nameservers", configs.nameservers.as_ref());
    fields.value("networkInterfaces", configs.network_interfaces.as_ref());
    fields.texts("extraManifests", configs.extra_manifests.as_ref());
    fields.texts("certSANs", configs.cert_sans.as_ref());
    fields.texts("patches", configs.patches.as_ref());
    fields.text("talosImageURL", &configs.talos_image_url);
    fields.flag("noSchematicValidate", configs.no_schematic_validate);
    fields.value("schematic", configs.schematic.as_ref());
    fields.value("imageSchematic", configs.image_schematic.as_ref());
    let spec = &configs.machine_spec;
    let mut machine = Fields::default();
    machine.text("mode", &spec.mode);
    machine.text("arch", &spec.arch);
    machine.flag("secureboot", spec.secureboot);
    machine.flag("useUKI", spec.use_uki);
    machine.text("bootMethod", &spec.boot_method);
    machine.text("imageSuffix", &spec.image_suffix);
    fields.raw("machineSpec", machine.finish());
    fields.value("ingressFirewall", configs.ingress_firewall.as_ref());
    fields.value("extensionServices", configs.extension_services.as_ref());
    fields.value("volumes", configs.volumes.as_ref());
    fields.value("userVolumes", configs.user_volumes.as_ref());
    fields.text("filenameTmpl", &configs.filename_template);
}

/// The fields of a mapping that are there.
#[derive(Default)]
struct Fields(Vec<String>);

impl Fields {
    fn raw(&mut self, key: &str, value: String) {
        self.0.push(format!("{}: {value}", quoted(key)));
    }

    fn text(&mut self, key: &str, text: &Text) {
        if !text.is_empty() {
            self.raw(key, quoted(text));
        }
    }

    fn flag(&mut self, key: &str, flag: bool) {
        if flag {
            self.raw(key, flag.to_string());
        }
    }

    fn list(&mut self, key: &str, items: Option<Vec<String>>) {
        if let Some(items) = items {
            self.raw(key, format!("[{}]", items.join(", ")));
        }
    }

    fn texts(&mut self, key: &str, texts: Option<&Vec<Text>>) {
        self.list(
            key,
            texts.map(|texts| texts.iter().map(|text| quoted(text)).collect()),
        );
    }

    fn map(&mut self, key: &str, pairs: Option<&Texts>) {
        let Some(pairs) = pairs else { return };
        let mut fields = Fields::default();
        for (key, value) in pairs {
            fields.raw(key, quoted(value));
        }
        self.raw(key, fields.finish());
    }

    fn value(&mut self, key: &str, value: Option<&Value>) {
        if let Some(value) = value {
            self.raw(key, written(value));
        }
    }

    fn finish(self) -> String {
        format!("{{{}}}", self.0.join(", "))
    }
}

fn quoted(text: &str) -> String {
    Json::from(text).to_string()
}

fn written(value: &Value) -> String {
    match &value.kind {
        Kind::Scalar(scalar) if scalar.meaning == Meaning::Text => quoted(&scalar.text),
        Kind::Scalar(scalar) => scalar.text.to_string(),
        Kind::List(items) => {
            let items: Vec<String> = items.iter().map(written).collect();
            format!("[{}]", items.join(", "))
        }
        Kind::Map(pairs) => {
            let mut fields = Fields::default();
            for pair in pairs {
                fields.raw(&pair.key, written(&pair.value));
            }
            fields.finish()
        }
    }
}
