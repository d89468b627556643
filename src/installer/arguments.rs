//! The arguments of the stock installer, read as its own parser reads them. Pure.
//!
//! Only what has to be known before it starts is taken from them; they are handed on as they are. Where one cannot be
//! understood, the answer is the one that checks more: the stock installer will say itself what is wrong.
//! Spec: `cmd/installer/cmd/installer/root.go` of Talos, spf13/pflag.

use std::ffi::{OsStr, OsString};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Options that take a value, in the next argument if not behind `=`.
const WITH_VALUE: [&str; 7] = [
    "disk",
    "platform",
    "config",
    "arch",
    "board",
    "extra-kernel-arg",
    "meta",
];

/// What the stock installer is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    /// To install on a disk that may be wiped for it.
    Install(Install),
    /// Anything else: an upgrade, an image, its help.
    Other,
}

/// A fresh install.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Install {
    /// `--disk`.
    pub disk: Option<String>,
    /// Every `--meta`, as it stands.
    pub meta: Vec<String>,
}

/// What `arguments` (without argument 0) ask for.
pub fn errand(arguments: &[OsString]) -> Errand {
    let mut install = Install::default();
    let (mut asked, mut upgrade, mut help) = (false, false, false);
    let mut words = arguments.iter().map(OsString::as_os_str);
    while let Some(word) = words.next() {
        let text = word.to_string_lossy();
        let Some(option) = text.strip_prefix("--").filter(|name| !name.is_empty()) else {
            asked |= text == "install";
            help |= text == "-h";
            continue;
        };
        let (name, given) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (option, None),
        };
        let value = if given.is_none() && WITH_VALUE.contains(&name) {
            words.next().map(lossy)
        } else {
            given
        };
        match (name, value) {
            ("disk", value) => install.disk = value.filter(|disk| !disk.is_empty()),
            ("meta", Some(value)) => install.meta.push(value),
            ("upgrade", value) => upgrade = value.as_deref().is_none_or(is_true),
            ("help", value) => help = value.as_deref().is_none_or(is_true),
            _ => {}
        }
    }
    if asked && !upgrade && !help {
        Errand::Install(install)
    } else {
        Errand::Other
    }
}

fn lossy(word: &OsStr) -> String {
    word.to_string_lossy().into_owned()
}

/// Go's `strconv.ParseBool`. What it does not know stops the stock installer.
fn is_true(text: &str) -> bool {
    matches!(text, "1" | "t" | "T" | "true" | "TRUE" | "True")
}

impl Install {
    /// The UUID that META will tell Talos to take instead of the machine's; `environment` is `INSTALLER_META_BASE64`.
    /// Options win over the environment, later ones over earlier ones. Compressed values are not looked into.
    pub fn uuid_override(&self, environment: Option<&str>) -> Option<String> {
        let decoded = environment
            .and_then(|text| STANDARD.decode(text.trim()).ok())
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .unwrap_or_default();
        let values = if self.meta.is_empty() {
            decoded.split(';').map(str::to_owned).collect()
        } else {
            self.meta.clone()
        };
        let is_uuid = |(key, value): (&str, &str)| {
            let number = match key.strip_prefix("0x").or_else(|| key.strip_prefix("0X")) {
                Some(hex) => u8::from_str_radix(hex, 16).ok(),
                None => key.parse().ok(),
            };
            let ours = number == Some(crate::partitioner::meta::tag::UUID_OVERRIDE);
            (ours && !value.is_empty()).then(|| value.to_owned())
        };
        let pairs = values.iter().filter_map(|pair| pair.split_once('='));
        pairs.filter_map(is_uuid).next_back()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Errand {
        let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        errand(&words)
    }

    fn disk(line: &str) -> Option<String> {
        match of(line) {
            Errand::Install(install) => install.disk,
            Errand::Other => panic!("{line}: no install"),
        }
    }

    #[test]
    fn talos_own_command_line_is_an_install_on_its_disk() {
        let line = "install --disk=/dev/sda --platform=metal --config=none --upgrade=false --force=true --zero=false \
                    --extra-kernel-arg talos.logging.kernel=udp://10.0.0.1:1/";
        assert_eq!(disk(line).as_deref(), Some("/dev/sda"));
    }

    #[test]
    fn the_disk_is_found_however_it_is_written() {
        for (line, wanted) in [
            ("install --disk /dev/sdb", Some("/dev/sdb")),
            ("--disk=/dev/sdb install", Some("/dev/sdb")),
            ("--platform metal install --disk /dev/sdb", Some("/dev/sdb")),
            ("install --disk=/dev/sda --disk=/dev/sdb", Some("/dev/sdb")),
            ("install --config --disk=/dev/sda", None),
            ("install --disk=", None),
            ("install", None),
            ("install --disk", None),
            ("install --new-option --disk=/dev/sdb", Some("/dev/sdb")),
        ] {
            assert_eq!(disk(line).as_deref(), wanted, "{line}");
        }
    }

    #[test]
    fn only_what_is_surely_no_install_is_something_else() {
        for line in [
            "",
            "--disk=/dev/sda",
            "image --disk=/dev/sda",
            "install --upgrade --disk=/dev/sda",
            "install --upgrade=true --disk=/dev/sda",
            "install --upgrade=1 --disk=/dev/sda",
            "--upgrade=T install",
            "install --help",
            "install -h",
            "--meta install",
        ] {
            assert_eq!(of(line), Errand::Other, "{line}");
        }
        for line in [
            "install --upgrade=false",
            "install --upgrade=yes",
            "install --upgrade=true --upgrade=false",
            "install --help=false",
            "install --extra-kernel-arg --upgrade",
        ] {
            assert!(matches!(of(line), Errand::Install(_)), "{line}");
        }
    }

    #[test]
    fn an_override_of_the_uuid_is_seen_in_options_and_environment() {
        let uuid = "11111111-2222-3333-4444-555555555555";
        let install = |line: &str| match of(line) {
            Errand::Install(install) => install,
            Errand::Other => panic!("{line}"),
        };
        let environment = STANDARD.encode(format!("0xa=network;0xf={uuid}"));
        let plain = install("install");
        assert_eq!(plain.uuid_override(None), None);
        assert_eq!(plain.uuid_override(Some("?!")), None);
        assert_eq!(
            plain.uuid_override(Some(&environment)).as_deref(),
            Some(uuid)
        );
        for key in ["0xf", "0x0f", "15"] {
            let typed = install(&format!("install --meta 0xa=x --meta {key}={uuid}"));
            assert_eq!(typed.uuid_override(None).as_deref(), Some(uuid), "{key}");
        }
        let other = install("install --meta 0xa=x");
        assert_eq!(
            other.uuid_override(Some(&environment)),
            None,
            "options replace the environment"
        );
    }
}
