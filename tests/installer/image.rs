//! The example's Dockerfile, done by hand: the image that it makes, and a run of its `/bin/installer`.
//!
//! Where things are in a stock image: Talos' own Dockerfile, target `installer-base`.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::bench::{Node, PASSPHRASE, STOCK, config, fed, read};
use crate::cli::{Bench, Ran, program, root};

const DOCKERFILE: &str = include_str!("../../examples/installer/Dockerfile");

/// The instructions, without comments and empty lines.
fn instructions() -> Vec<Vec<&'static str>> {
    let lines = DOCKERFILE.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_whitespace().collect())
        .collect()
}

/// A stock image: the installer, the link to it, the merged folders, and no shell.
fn stock_image(at: &Path) {
    fs::create_dir_all(at.join("usr/bin")).unwrap();
    symlink("usr/bin", at.join("bin")).unwrap();
    let script = STOCK.replacen(
        "#!/bin/bash",
        "#!/hostbin/bash\nexport PATH=/hostbin:/usr/sbin",
        1,
    );
    executable(&at.join("usr/bin/installer"), script.as_bytes());
    symlink("installer", at.join("usr/bin/imager")).unwrap();
}

fn executable(path: &Path, body: &[u8]) {
    fs::write(path, body).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Does what the Dockerfile says, with the stock image for `${INSTALLER}`; the folder of the last stage.
fn built(bench: &Bench, context: &Path) -> PathBuf {
    let mut stages: Vec<(String, PathBuf)> = Vec::new();
    for words in instructions() {
        match words[..] {
            ["ARG", argument] => {
                let (name, image) = argument.split_once('=').unwrap();
                assert_eq!(name, "INSTALLER");
                assert!(
                    image.starts_with("ghcr.io/siderolabs/installer:v1."),
                    "{image}"
                );
            }
            ["FROM", "${INSTALLER}", ref rest @ ..] => {
                let name = rest.last().map_or("", |name| name).to_owned();
                let at = bench.path(&format!("stage-{}", stages.len()));
                stock_image(&at);
                stages.push((name, at));
            }
            ["COPY", option, from, to] => {
                let (_, last) = stages.last().unwrap();
                let target = last.join(to.trim_start_matches('/'));
                if let Some(stage) = option.strip_prefix("--from=") {
                    let (_, other) = stages.iter().find(|(name, _)| name == stage).unwrap();
                    fs::copy(other.join(from.trim_start_matches('/')), target).unwrap();
                } else {
                    assert_eq!(option, "--chmod=0755");
                    fs::copy(context.join(from), &target).unwrap();
                    fs::set_permissions(target, fs::Permissions::from_mode(0o755)).unwrap();
                }
            }
            // Nothing can be run in an image without a shell.
            _ => panic!("an instruction that is not expected: {words:?}"),
        }
    }
    stages.pop().unwrap().1
}

fn image(bench: &Bench) -> PathBuf {
    let context = bench.path("context");
    fs::create_dir(&context).unwrap();
    fs::copy(program(), context.join("keelblock")).unwrap();
    built(bench, &context)
}

#[test]
fn the_image_has_keelblock_for_its_installer_and_the_stock_one_beside_it() {
    let bench = Bench::new();
    let image = image(&bench);
    let bytes = |path: &str| fs::read(image.join(path)).unwrap();
    assert_eq!(bytes("bin/installer"), fs::read(program()).unwrap());
    assert_eq!(bytes("bin/imager"), fs::read(program()).unwrap());
    assert!(bytes("bin/installer.stock").starts_with(b"#!/hostbin/bash"));
    for name in ["installer", "installer.stock"] {
        let mode = fs::metadata(image.join("usr/bin").join(name))
            .unwrap()
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o755, "{name}");
    }
}

/// Runs a program of the image, with its libraries and what the stand-in needs from this system.
fn run_in(image: &Path, program: &str, arguments: &[String], input: &[u8]) -> Ran {
    let inside = "cd \"$0\" && mkdir -p hostbin tmp run proc sys dev usr/lib usr/lib64 usr/sbin usr/share && \
        ln -sfn usr/lib lib && ln -sfn usr/lib64 lib64 && \
        for it in lib lib64 sbin share; do [ ! -e /usr/$it ] || mount --bind /usr/$it usr/$it; done && \
        mount --bind /usr/bin hostbin && mount --rbind /dev dev && mount --rbind /sys sys && \
        mount --rbind /proc proc && exec /usr/sbin/chroot . \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", inside]).arg(image);
    command.arg(program).args(arguments);
    command.env_remove("KEELBLOCK_INSTALLER");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    fed(command, input)
}

#[test]
fn the_installer_of_the_image_installs_seals_upgrades_and_hands_over() {
    if !root("to change the root folder and set up a loop device") {
        return;
    }
    let node = Node::new(5 << 30);
    let image = image(&node.bench);
    let state = config(&format!("    disk: {}", node.disk.name()));
    node.configure(&state.replace("nodeID: {}", "static: {passphrase: of STATE}"));
    let input = read(&node.bench, "node.yaml");
    let ran = run_in(&image, "/bin/installer", &node.arguments(), &input).exits(0);
    assert!(
        ran.stdout.contains("a line of the stock installer"),
        "{ran:#?}"
    );
    let found = node.partitions();
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(
        found.iter().all(|(.., talos)| talos == "adopt"),
        "{found:?}"
    );
    let report = node.inspect().to_string();
    assert!(
        report.contains("slot 0 opens with this config's key"),
        "{report}"
    );
    assert!(!report.contains(PASSPHRASE));

    let before = node.digest();
    let mut upgrade = node.arguments();
    upgrade.push(String::from("--upgrade=true"));
    let ran = run_in(&image, "/bin/installer", &upgrade, &input).exits(0);
    assert!(ran.stderr.contains("upgrading what is on"), "{ran:#?}");
    let ran = run_in(&image, "/usr/bin/imager", &[String::from("metal")], b"").exits(7);
    assert!(
        ran.stderr.contains("failed to open blockdevice"),
        "{ran:#?}"
    );
    assert!(
        !ran.stderr.contains("error: "),
        "keelblock said something: {ran:#?}"
    );
    assert_eq!(node.digest(), before);
}
