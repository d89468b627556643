//! A node of talconfig.yaml is rendered into the documents that talhelper's own genconfig writes for it.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::too_many_lines,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    reason = "tests"
)]

#[path = "talconfig/judge.rs"]
mod judge;
#[path = "talconfig/soup.rs"]
mod soup;

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fs;
use std::path::Path;

use keelblock::config::ConfigError;
use keelblock::config::generate::Secrets;
use keelblock::config::patch::MachineConfig;
use keelblock::config::render::{self, RenderError, Shared};
use keelblock::config::talconfig::{Loaded, Request, load};
use serde_json::{Value as Json, json};

use self::judge::{Example, Memory, judge, variables};
use self::soup::Rng;

/// How many made-up configurations a run compares; `KEELBLOCK_CASES` has another number.
const CASES: usize = 850;

/// What is refused here and rendered there, by a part of our words, and why.
const REFUSED_ONLY_HERE: [(&str, &str); 4] = [
    (
        "the id of the schematic",
        "options of an overlay depend on how Go's library sorts and writes them",
    ),
    (
        "for the name of a file",
        "only files of the repository count, and those have an `@`",
    ),
    (
        "rendered by keelblock",
        "a template is rendered right or not at all",
    ),
    (
        "keelblock renders",
        "a template is rendered right or not at all",
    ),
];

/// What is refused there only, by a part of talhelper's words, and why.
const REFUSED_ONLY_THERE: [(&str, &str); 3] = [
    ("* v1alpha1.Config: ", "Talos' validation of the result"),
    (
        "is required",
        "Talos' validation of a volume without name or place",
    ),
    (
        "volumes are supported",
        "the same of a volume with a name that Talos does not know",
    ),
];

/// A configuration with its files.
#[derive(Clone)]
struct Case {
    files: BTreeMap<String, String>,
    env: BTreeMap<String, String>,
}

/// What came of a case.
#[derive(Default)]
struct Tally {
    /// Nodes with equal documents.
    equal: usize,
    /// Configurations that the loader refuses.
    not_loaded: usize,
    /// Why the last one was.
    refusal: String,
    /// Nodes that both refuse.
    refused: usize,
    /// Nodes that differ on purpose.
    on_purpose: usize,
    wrong: Vec<String>,
}

impl Case {
    fn new(talconfig: &str) -> Self {
        let files = [
            ("talconfig.yaml", talconfig),
            (
                "patch.yaml",
                "machine:\n  # a comment with ${NOPE}\n  env: {A: \"${V}\"}\n",
            ),
            (
                "template.yaml",
                "machine:\n  env:\n    A: \"{{ .MachineConfig.MachineType }}\"\n    B: {{ .ClusterConfig.ClusterName | upper | quote }}\n",
            ),
            (
                "list.yaml",
                "- op: add\n  path: /machine/env\n  value: {A: $V}\n",
            ),
            ("blank.yaml", " \n\t\n"),
            (
                "document.yaml",
                "apiVersion: v1alpha1\nkind: EventSinkConfig\nendpoint: 10.0.0.1:1234\n# {{ .MachineConfig.MachineType }}\n",
            ),
            ("content.txt", "A=1\nB=2\n"),
            ("content.yaml", "# first\na:   1\nb: ${V}\n"),
            ("vars.txt", "key: $U\n"),
            ("bad.txt", "[section]\nA=1\n"),
        ];
        let env = [
            ("V", "value"),
            ("W", "x: y"),
            ("E", ""),
            ("N", "1.10"),
            ("L", "a\nb"),
        ];
        let owned = |(name, text): (&str, &str)| (name.to_owned(), text.to_owned());
        Self {
            files: files.map(owned).into(),
            env: env.map(owned).into(),
        }
    }

    fn load(&self, folder: &str) -> Result<Loaded, ConfigError> {
        let path = format!("{folder}/talconfig.yaml");
        let env = variables(&self.env);
        let request = Request {
            path: &path,
            root: folder,
            env: &env,
        };
        load(request, &self.memory(folder))
    }

    fn memory<'m>(&'m self, folder: &'m str) -> Memory<'m> {
        Memory {
            folder,
            files: &self.files,
        }
    }

    /// Compares every node, unless the file is refused.
    fn compare(&self, folder: &str, tally: &mut Tally) {
        let loaded = match self.load(folder) {
            Ok(loaded) => loaded,
            Err(error) => {
                tally.not_loaded += 1;
                tally.refusal = error.to_string();
                return;
            }
        };
        let secrets = Secrets::placeholders();
        let request = json!({
            "op": "render", "files": self.files, "env": self.env, "dir": folder,
            "base": {"secret": *secrets.token},
        });
        let theirs = judge().ask(&request);
        if !theirs.error.is_empty() {
            return tally
                .wrong
                .push(format!("refused there only: {}", theirs.error));
        }
        let shared = Shared::default();
        for (index, theirs) in theirs.nodes.iter().enumerate() {
            let ours = render::node(&loaded, index, &secrets, &self.memory(folder), &shared);
            match (ours, theirs.error.as_str()) {
                (Ok(ours), "") => match differs(&ours.unwrap(), &theirs.yaml) {
                    None => tally.equal += 1,
                    Some(how) => tally.wrong.push(how),
                },
                (Ok(_), error) if is_listed(error, &REFUSED_ONLY_THERE) => {
                    tally.on_purpose += 1;
                }
                (Ok(_), error) => tally.wrong.push(format!("refused there only: {error}")),
                (Err(error), "") if is_listed(&said(&error), &REFUSED_ONLY_HERE) => {
                    tally.on_purpose += 1;
                }
                (Err(error), "") => tally
                    .wrong
                    .push(format!("refused here only: {}", said(&error))),
                (Err(_), _) => tally.refused += 1,
            }
        }
    }
}

fn is_listed(said: &str, list: &[(&str, &str)]) -> bool {
    list.iter().any(|(words, _)| said.contains(words))
}

fn said(error: &RenderError) -> String {
    let cause = error.source().map(ToString::to_string);
    format!("{error}: {}", cause.unwrap_or_default())
}

/// How two configurations differ; order and notation do not count, for both are read.
fn differs(ours: &MachineConfig, theirs: &str) -> Option<String> {
    let theirs = match MachineConfig::read(theirs) {
        Ok(theirs) => theirs,
        Err(error) => return Some(format!("theirs cannot be read: {error}\n{theirs}")),
    };
    // What was rendered has to survive its text as well.
    let ours = MachineConfig::read(&ours.to_text()).unwrap();
    let (ours, theirs) = (ours.values(), theirs.values());
    let different = ours
        .iter()
        .zip(&theirs)
        .find(|(ours, theirs)| ours != theirs);
    match different {
        Some((ours, theirs)) => Some(format!(
            "ours:\n{}\ntalhelper:\n{}",
            smallest(ours, theirs).0,
            smallest(ours, theirs).1
        )),
        None if ours.len() == theirs.len() => None,
        None => Some(format!(
            "{} documents, talhelper has {}",
            ours.len(),
            theirs.len()
        )),
    }
}

/// The smallest mappings in which the difference is.
fn smallest<'j>(ours: &'j Json, theirs: &'j Json) -> (&'j Json, &'j Json) {
    if let (Json::Object(one), Json::Object(other)) = (ours, theirs)
        && one.keys().eq(other.keys())
        && let Some((key, value)) = one.iter().find(|(key, value)| other[*key] != **value)
    {
        return smallest(value, &other[key]);
    }
    (ours, theirs)
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn what_templates_may_look_into_is_what_talos_has() {
    let answer = judge().ask(&json!({"op": "fields"}));
    assert_eq!(
        answer.text,
        include_str!("../src/config/render/template/fields.txt"),
        "src/config/render/template/fields.txt is out of date"
    );
}

#[test]
fn the_fixture_is_rendered_as_talhelper_renders_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/talconfig/home-ops");
    let case = Case::new(&fs::read_to_string(root.join("talconfig.yaml")).unwrap());
    let mut tally = Tally::default();
    case.compare(folder().path().to_str().unwrap(), &mut tally);
    assert_eq!(tally.wrong, [""; 0]);
    assert_eq!(tally.equal, 3);
}

#[test]
fn the_example_of_talhelper_is_rendered_as_talhelper_renders_it() {
    let example = Example::read();
    let mut case = Case::new("");
    case.files.extend(example.files.clone());
    case.env.extend(example.env.clone());
    let text = case.files["talconfig.yaml"].clone();
    for release in ["", "v1.10.5", "v1.11.0", "v1.12.0", "v1.13.9", "v1.14.0"] {
        let changed = text.lines().map(|line| match line.split_once(':') {
            Some(("talosVersion", _)) if !release.is_empty() => {
                format!("talosVersion: {release}\n")
            }
            // One that all of these releases take.
            Some(("kubernetesVersion", _)) => String::from("kubernetesVersion: v1.32.0\n"),
            _ => format!("{line}\n"),
        });
        case.files
            .insert(String::from("talconfig.yaml"), changed.collect());
        let mut tally = Tally::default();
        case.compare(folder().path().to_str().unwrap(), &mut tally);
        assert_eq!(tally.wrong, [""; 0], "{release}");
        assert_eq!(tally.not_loaded, 0, "{release}");
        assert!(tally.equal + tally.refused > 0, "{release}");
    }
}

/// Names of files, each with whether keelblock gives it.
const FILE_NAMES: [(&str, bool); 14] = [
    ("", true),
    ("{{.Hostname}}-{{.Role}}.yaml", true),
    ("{{ .Role }}/{{ .ClusterName }}_{{ .IPAddress }}", true),
    (
        "{{ if eq .Role \"worker\" }}w{{ else }}c{{ end }}-{{ .Hostname }}",
        true,
    ),
    ("{{- .Hostname -}} .yaml", true),
    ("same.yaml", true),
    ("{{ len .Hostname }}", true),
    // Go has it, and keelblock does not render it.
    ("{{ slice .Hostname 1 }}", false),
    // Refused by both.
    ("{{ .Invalid }}.yaml", true),
    ("{{ .Hostname | upper }}.yaml", true),
    ("{{ default \"a\" .Hostname }}", true),
    ("{{ .Hostname", true),
    // Written outside of the folder there.
    ("../{{ .Hostname }}", false),
    ("{{ .Role }}/", false),
];

#[test]
fn files_are_named_as_talhelper_names_them() {
    let folder = folder();
    let folder = folder.path().to_str().unwrap();
    let secrets = Secrets::placeholders();
    for (template, alike) in FILE_NAMES {
        let piece = format!("filenameTmpl: '{template}'");
        let case = Case::new(&composed("v1.10.5", &[], &[&piece]));
        let loaded = case.load(folder).unwrap();
        let theirs = judge().ask(&json!({
            "op": "render", "files": case.files, "env": case.env, "dir": folder,
            "base": {"secret": *secrets.token},
        }));
        assert_eq!(theirs.nodes.len(), 2, "{template}: {}", theirs.error);
        for (node, theirs) in loaded.config.nodes.iter().zip(&theirs.nodes) {
            let ours = render::file_name(&loaded, node);
            match ours {
                _ if !alike => assert!(ours.is_err() && !theirs.file.is_empty(), "{template}"),
                ours => assert_eq!(ours.unwrap_or_default(), theirs.file, "{template}"),
            }
        }
    }
}

/// Pieces of configurations that the made-up ones seldom have together.
const NODES: [&str; 22] = [
    "nameservers: [1.1.1.1, 'fd00::1']\ndisableSearchDomain: true",
    "disableSearchDomain: true\nignoreHostname: true",
    "nodeLabels: {rack: \"1\", type: '{{ .MachineConfig.MachineType }}-{{ .ClusterConfig.ClusterName }}'}\n\
     nodeAnnotations: {image: '{{ .MachineConfig.MachineInstall.InstallImage }}'}\nnodeTaints: {a: 'b:NoSchedule', c: NoExecute}",
    "nodeLabels: {}\nnodeAnnotations: {a: '1'}",
    "certSANs: [a.example, 10.0.0.9]",
    "kernelModules: [{name: br_netfilter, parameters: [a=1]}, {name: x}]",
    "machineFiles: [{content: \"a\\nb\\n\", permissions: 0o644, path: /var/a, op: create}, {content: '@content.yaml', permissions: 384, path: /var/b, op: append}]",
    "machineDisks: [{device: /dev/sdb, partitions: [{size: 10GB, mountpoint: /var/x}, {mountpoint: /var/y}]}]",
    "schematic: {customization: {extraKernelArgs: ['console=ttyS0,115200', 'yes', '1', 'a: b', '', '# x', '1:30', 'x y', '-net.ifnames', '2024-01-01', '~']}}",
    "schematic: {customization: {extraKernelArgs: [a=b], systemExtensions: {officialExtensions: [siderolabs/iscsi-tools]}, meta: [{key: 12, value: \"a\\nb\\n\"}, {key: 0, value: ''}], bootloader: grub, secureboot: {includeWellKnownCertificates: true}}}\nmachineSpec: {useUKI: true, secureboot: true, mode: nocloud}",
    "schematic: {overlay: {name: rock64, image: siderolabs/sbc-rockchip, options: {b: [1, x, true], a: {z: y}}}}",
    "talosImageURL: factory.example/installer/abc",
    "ingressFirewall: {defaultAction: block, rules: [{name: kubelet, portSelector: {ports: [10250, 8000-8080], protocol: tcp}, ingress: [{subnet: 10.0.0.0/8, except: 10.1.0.0/16}]}, {name: apid, portSelector: {ports: [50000], protocol: UDP}, ingress: [{subnet: 0.0.0.0/0}]}]}",
    "extensionServices: [{name: lldpd, configFiles: [{content: 'configure lldp', mountPath: /etc/lldpd.conf}], environment: [A=b]}]",
    "volumes: [{name: EPHEMERAL, provisioning: {diskSelector: {match: 'disk.size > 10u * GiB'}, maxSize: 50GiB, grow: false}, encryption: {provider: luks2, keys: [{slot: 0, nodeID: {}}, {slot: 1, static: {passphrase: 'a b'}}]}}]",
    "userVolumes: [{name: data, provisioning: {diskSelector: {match: '!system_disk'}, minSize: 100GiB, maxSize: 50%}, filesystem: {type: ext4}, encryption: {provider: luks2, keys: [{slot: 0, tpm: {}}]}}, {name: logs, volumeType: directory}]",
    "networkInterfaces: [{interface: eth0, dhcp: true, vip: {ip: 10.0.0.9}, vlans: [{vlanId: 7, addresses: [10.7.0.2/24]}]}, {deviceSelector: {driver: e1000}, addresses: [10.1.0.2/24], mtu: 9000, routes: [{network: 0.0.0.0/0, gateway: 10.1.0.1}]}]",
    "networkInterfaces: [{interface: bond0, bond: {mode: 802.3ad, interfaces: [eth0, eth1], lacpRate: fast, miimon: 100}, addresses: [10.1.0.2/24]}]",
    "patches: ['@template.yaml', \"machine: {certSANs: ['{{ .ClusterConfig.ClusterName }}']}\", '@document.yaml', '@blank.yaml']",
    "patches: ['@list.yaml', '[{\"op\": \"add\", \"path\": \"/machine/sysctls\", \"value\": {\"a.b\": \"1\"}}]']",
    "patches: ['machine: {nodeLabels: {$$patch: delete}}', 'machine: {sysctls: {a.b: \"1\"}}']",
    "extraManifests: [document.yaml]",
];

/// The same for the whole cluster.
const CLUSTERS: [&str; 10] = [
    "cniConfig: {name: none}",
    "cniConfig: {name: custom, urls: ['https://x.example/a.yaml', 'https://x.example/b.yaml']}",
    "cniConfig: {name: flannel, flannel: {extraArgs: [--iface=eth0], kubeNetworkPoliciesEnabled: true}}",
    "inlineManifests: [{name: one, contents: \"a: b\\nc: d\\n\"}, {name: two, contents: '@content.yaml'}]",
    "additionalMachineCertSans: [m.example]\nadditionalApiServerCertSans: [a.example, 10.0.0.7]",
    "domain: other.local\nallowSchedulingOnMasters: true",
    "clusterPodNets: [10.1.0.0/16, 'fd00:1::/56']\nclusterSvcNets: [10.2.0.0/16, 'fd00:2::/112']",
    "imageFactory: {registryURL: registry.example, installerURLTmpl: '{{ .RegistryURL }}/{{ .Mode | upper }}/{{ .ID | trunc 8 }}:{{ .Version }}'}",
    "imageFactory: {installerURLTmpl: '{{ .RegistryURL }}/{{ if and .Secureboot true }}sb-{{ end }}{{ .Mode | upper }}:{{ .Version }}'}",
    "patches: ['@patch.yaml', 'cluster: {clusterName: renamed}']",
];

const RELEASES: [&str; 9] = [
    "v1.8.0", "v1.9.0", "v1.10.5", "v1.11.0", "v1.12.0", "v1.13.9", "v1.14.0", "1.7.0", "v1.6.0",
];

/// A configuration of these pieces, with one node of each role.
fn composed(release: &str, cluster: &[&str], node: &[&str]) -> String {
    let kubernetes = match release.trim_start_matches("v1.").trim_start_matches("1.") {
        minor if minor.starts_with(['6', '7', '8', '9']) => "1.28.0",
        _ => "1.32.0",
    };
    let mut text = format!(
        "clusterName: home\ntalosVersion: {release}\nkubernetesVersion: v{kubernetes}\nendpoint: https://k8s.example:6443\n"
    );
    for piece in cluster {
        text.push_str(&format!("{piece}\n"));
    }
    text.push_str("nodes:\n");
    for (name, is_control_plane) in [("n1", true), ("n2", false)] {
        text.push_str(&format!(
            "  - hostname: {name}\n    ipAddress: 10.0.0.1\n    controlPlane: {is_control_plane}\n    installDisk: /dev/sda\n"
        ));
        for line in node.iter().flat_map(|piece| piece.lines()) {
            text.push_str(&format!("    {line}\n"));
        }
    }
    text
}

#[test]
fn every_field_of_a_node_and_of_a_cluster_is_rendered_alike_for_every_release() {
    let folder = folder();
    let folder = folder.path().to_str().unwrap();
    let mut tally = Tally::default();
    for (index, piece) in NODES.iter().enumerate() {
        for release in ["v1.10.5", "v1.12.0", "v1.13.9", "v1.14.0"] {
            let cluster = CLUSTERS[index % CLUSTERS.len()];
            let case = Case::new(&composed(release, &[cluster], &[piece]));
            let before = tally.wrong.len();
            case.compare(folder, &mut tally);
            for wrong in &mut tally.wrong[before..] {
                *wrong = format!("{release}\n{cluster}\n{piece}\n{wrong}");
            }
        }
    }
    assert_eq!(tally.not_loaded, 0, "{}", tally.refusal);
    finish(&tally, 100);
}

/// Templates that keelblock renders, one a line. They stand in a file, so that no variable is replaced in them first.
const TEMPLATES: &str = r#"
{{ .MachineConfig.MachineType }}
{{.MachineConfig.MachineInstall.InstallImage}}-{{ .ClusterConfig.ClusterName }}
a {{- " b " -}} c
a{{/* nothing */}}b{{- /* nothing */ -}} c
{{ .ClusterConfig.ClusterName | upper | lower | quote }}
{{ quote .ClusterConfig.ClusterName "b\"c" 3 true }}
{{ squote "a" }}
{{ .ClusterConfig.ControlPlane.Endpoint }}
{{ .MachineConfig.MachineNetwork.NetworkHostname }}
{{ .ConfigDebug }} {{ .ConfigPersist }}
{{ .MachineConfig.MachineFeatures.KubePrismSupport.ServerPort }}
{{ if eq .MachineConfig.MachineType "worker" }}w{{ else if eq .MachineConfig.MachineType "x" }}x{{ else }}c{{ end }}
{{ if and .ConfigPersist (ne .MachineConfig.MachineType "worker") }}yes{{ end }}
{{ if .ConfigDebug }}a pointer is true whatever it points to{{ end }}
{{ if or "" .ClusterConfig.ClusterName }}{{ or "" "b" }}{{ and "a" "" "c" }}{{ end }}
{{ if not .MachineConfig.MachineCertSANs }}none{{ end }}{{ if .MachineConfig.MachineDisks }}disks{{ end }}
{{ range .ClusterConfig.ClusterNetwork.PodSubnet }}<{{ . }}{{ $.MachineConfig.MachineType }}>{{ else }}none{{ end }}
{{ range .MachineConfig.MachineNodeLabels }}[{{ . }}]{{ end }}{{ range .MachineConfig.MachineNodeTaints }}x{{ else }}none{{ end }}
{{ with .MachineConfig.MachineKubelet }}{{ .KubeletImage }}{{ end }}{{ with "" }}a{{ else }}b{{ end }}
{{ index .MachineConfig.MachineNodeLabels "nope" }}{{ index .ClusterConfig.ClusterNetwork.PodSubnet 0 }}
{{ len .ClusterConfig.ClusterNetwork.PodSubnet }}{{ len "abc" }}{{ len .MachineConfig.MachineNodeTaints }}
{{ first .ClusterConfig.ClusterNetwork.PodSubnet }}{{ last (splitList "." "a.b.c") }}
{{ join "," .ClusterConfig.ClusterNetwork.PodSubnet }}{{ join "-" (splitList "." "a.b.c") }}
{{ default "a" "" }}{{ "" | default "b" }}{{ .ClusterConfig.ClusterName | default "c" }}{{ default 3 0 }}
{{ coalesce "" 0 "x" }}{{ ternary "a" "b" true }}{{ false | ternary "a" "b" }}{{ empty "" }}{{ empty 1 }}
{{ trim "  a " }}{{ trimSuffix ".x" "a.x" }}{{ "vv1" | trimPrefix "v" }}{{ replace "a" "b" "banana" }}
{{ contains "b" "abc" }}{{ hasPrefix "a" "abc" }}{{ "abc" | hasSuffix "b" }}
{{ printf "%s-%d-%v%%-%v" "a" 3 true "b" }}{{ printf "none" }}
{{ b64enc "abc" }}{{ toString 12 }}{{ env "V" }}{{ env "NOPE" }}
{{ indent 2 "a" }}{{ `raw "text"` }}{{ -3 }}{{ "\t\\" | quote }}
{{ (index .ClusterConfig.ClusterNetwork.PodSubnet 0) | quote }}{{ (.MachineConfig.MachineInstall).InstallImage }}
{{ eq "a" "b" "a" }}{{ eq 1 1 }}{{ ne true false }}{{ true }}
{{ .MachineConfig.MachineToken | len }}{{ .MachineConfig.MachineInstall.InstallDisk }}
{{ if .MachineConfig.MachineSysctls }}{{ .MachineConfig.MachineSysctls.a }}{{ end }}
}} and { and { are text
"#;

/// Templates that Go renders and keelblock does not: they have to be refused.
const REFUSED: &str = r#"
{{ $x := 1 }}{{ $x }}
{{ range $i, $x := .MachineConfig.MachineCertSANs }}{{ end }}
{{ define "a" }}{{ end }}
{{ .MachineConfig.MachineCertSANs }}
{{ .MachineConfig.MachineNodeLabels }}
{{ .MachineConfig.MachineNodeLabels.nope }}
{{ .MachineConfig.MachineKubelet }}
{{ .Machine.Type }}
{{ .ConfigDebug | quote }}
{{ 1.5 }}
{{ 0x10 }}
{{ 'a' }}
{{ title "abc" }}
{{ upper "é" }}
{{ printf "%q" "a" }}
{{ printf "%5d" 3 }}
{{ now }}
{{ randAlpha 5 }}
{{ genCA "a" 365 }}
{{ nil | default "a" }}
{{ print 1 2 }}
{{ len (list 1 2) }}
{{ .MachineConfig.MachineCA.Crt }}
"#;

#[test]
fn a_template_is_rendered_as_go_renders_it_or_refused() {
    let folder = folder();
    let folder = folder.path().to_str().unwrap();
    let node = ["patches: ['@one.yaml']"];
    let case = |template: &str| {
        let mut case = Case::new(&composed("v1.11.0", &[], &node));
        let text = format!("machine:\n  env:\n    A: |-\n      x{template}x\n");
        case.files.insert(String::from("one.yaml"), text);
        case
    };
    let mut tally = Tally::default();
    let mut rendered = 0;
    for template in TEMPLATES.lines().filter(|line| !line.is_empty()) {
        let before = tally.wrong.len();
        let equal = tally.equal;
        case(template).compare(folder, &mut tally);
        if tally.equal != equal + 2 {
            tally.wrong.push(String::from("not rendered by both"));
        }
        for wrong in &mut tally.wrong[before..] {
            *wrong = format!("{template}\n{wrong}");
        }
        rendered += 2;
    }
    finish(&tally, rendered - 1);
    for template in REFUSED.lines().filter(|line| !line.is_empty()) {
        let case = case(template);
        let loaded = case.load(folder).ok().unwrap();
        let ours = render::node(
            &loaded,
            0,
            &Secrets::placeholders(),
            &case.memory(folder),
            &Shared::default(),
        );
        assert!(
            matches!(ours, Err(RenderError::Template { .. })),
            "{template}"
        );
    }
}

#[test]
fn made_up_configurations_are_rendered_into_the_same_documents() {
    let shape: Json = serde_json::from_str(include_str!("fixtures/talconfig/shape.json")).unwrap();
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let count = number("KEELBLOCK_CASES").unwrap_or(CASES);
    let first = number("KEELBLOCK_SEED").unwrap_or(0);
    let folder = folder();
    let folder = folder.path().to_str().unwrap();
    let mut tally = Tally::default();
    for seed in first..first + count {
        let mut rng = Rng::new(u64::try_from(seed).unwrap());
        // Half of them are of pieces that go together, half are changed in any field.
        let text = match rng.chance(50) {
            true => {
                let cluster: Vec<&str> = (0..rng.below(2)).map(|_| *rng.pick(&CLUSTERS)).collect();
                let mut pieces: Vec<usize> = (0..1 + rng.below(3))
                    .map(|_| rng.below(NODES.len()))
                    .collect();
                pieces.sort_unstable();
                pieces.dedup();
                let node: Vec<&str> = pieces.iter().map(|index| NODES[*index]).collect();
                let release = RELEASES[rng.below(RELEASES.len())];
                composed(release, &cluster, &node)
            }
            false => soup::yaml(&soup::config(&mut rng, &shape), &mut rng),
        };
        let before = tally.wrong.len();
        Case::new(&text).compare(folder, &mut tally);
        for wrong in &mut tally.wrong[before..] {
            *wrong = format!("seed {seed}:\n{text}{wrong}");
        }
    }
    finish(&tally, count / 2);
}

fn finish(tally: &Tally, least: usize) {
    let shown: Vec<&str> = tally.wrong.iter().take(5).map(String::as_str).collect();
    eprintln!(
        "{} equal, {} not loaded, {} refused by both, {} differ on purpose, {} wrong",
        tally.equal,
        tally.not_loaded,
        tally.refused,
        tally.on_purpose,
        tally.wrong.len()
    );
    assert!(
        shown.is_empty(),
        "{} wrong:\n{}",
        tally.wrong.len(),
        shown.join("\n\n")
    );
    assert!(tally.equal > least, "only {} nodes were equal", tally.equal);
}
