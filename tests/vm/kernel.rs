//! Debian's kernel: fetched and unpacked below the target folder, never installed.
//!
//! The boot image is unpacked, too: QEMU starts an uncompressed kernel by its PVH entry (a note in the ELF file), which
//! saves the guest from decompressing itself under emulation.

use std::fs;
use std::path::{Path, PathBuf};
use std::{env, process};

use super::tools::{self, Fallible, failed};

/// What Debian calls its kernel, newest wish first; both depend on the package that has the files.
const METAPACKAGES: [&str; 2] = ["linux-image-6.12-amd64", "linux-image-amd64"];

/// A kernel that can be booted.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// The uncompressed ELF file.
    pub image: PathBuf,
    /// The folder that has `lib/modules`.
    pub root: PathBuf,
    /// As `uname -r` says.
    pub version: String,
}

impl Kernel {
    /// The kernel of `KEELBLOCK_VM_KERNEL`, an unpacked linux-image package, or Debian's own.
    pub fn get(cache: &Path) -> Fallible<Self> {
        let unpacked = match env::var_os("KEELBLOCK_VM_KERNEL") {
            Some(root) => PathBuf::from(root),
            None => fetch(cache)?,
        };
        Self::in_folder(&unpacked, cache)
    }

    fn in_folder(unpacked: &Path, cache: &Path) -> Fallible<Self> {
        let boot = unpacked.join("boot");
        let names = names(&boot)?;
        let version = names.iter().find_map(|name| name.strip_prefix("vmlinuz-"));
        let version = version.ok_or_else(|| format!("no vmlinuz in {}", boot.display()))?;
        // Debian 12 has them in lib, later ones in usr/lib.
        let roots = [unpacked.to_owned(), unpacked.join("usr")];
        let mut roots = roots.into_iter();
        let root = roots.find(|root| root.join("lib/modules").join(version).is_dir());
        let root = root.ok_or_else(|| format!("no modules in {}", unpacked.display()))?;
        if !root
            .join("lib/modules")
            .join(version)
            .join("modules.dep")
            .exists()
        {
            let base = root.display().to_string();
            tools::run("depmod", &["-b", &base, version])?;
        }
        let image = cache.join(format!("vmlinux-{version}"));
        if !image.exists() {
            unpack_image(&boot.join(format!("vmlinuz-{version}")), &image)?;
        }
        let version = version.to_owned();
        Ok(Self {
            image,
            root,
            version,
        })
    }

    /// The files of `modules` and all they need, in the order in which they load; built-in ones have none.
    pub fn modules(&self, modules: &[&str]) -> Fallible<Vec<PathBuf>> {
        let root = self.root.display().to_string();
        let mut found: Vec<PathBuf> = Vec::new();
        for module in modules {
            let arguments = ["-d", &root, "-S", &self.version, "--show-depends", module];
            let depends = tools::run("modprobe", &arguments)?;
            let files = depends
                .lines()
                .filter_map(|line| line.strip_prefix("insmod "));
            for file in files.filter_map(|rest| rest.split(' ').next()) {
                if !found.iter().any(|it| it == Path::new(file)) {
                    found.push(PathBuf::from(file));
                }
            }
        }
        Ok(found)
    }
}

fn names(folder: &Path) -> Fallible<Vec<String>> {
    let entries = fs::read_dir(folder).map_err(failed(folder.display()))?;
    let names = entries
        .filter_map(Result::ok)
        .map(|entry| entry.file_name());
    Ok(names.filter_map(|name| name.into_string().ok()).collect())
}

/// The unpacked package below `cache`.
fn fetch(cache: &Path) -> Fallible<PathBuf> {
    let package = package()?;
    let unpacked = cache.join(&package);
    if unpacked.is_dir() {
        return Ok(unpacked);
    }
    // Two runs may do this at once: each in a folder of its own, and the first to be done counts.
    let scratch = cache.join(format!("{package}.{}", process::id()));
    fs::create_dir_all(&scratch).map_err(failed(scratch.display()))?;
    tools::run_in(&scratch, "apt-get", &["download", "-q", &package])?;
    let archive = names(&scratch)?
        .into_iter()
        .find(|name| name.ends_with(".deb"));
    let archive = archive.ok_or_else(|| format!("apt-get downloaded no {package}"))?;
    tools::run_in(&scratch, "dpkg-deb", &["-x", &archive, "root"])?;
    let moved = fs::rename(scratch.join("root"), &unpacked);
    fs::remove_dir_all(&scratch).map_err(failed(scratch.display()))?;
    if !unpacked.is_dir() {
        moved.map_err(failed(unpacked.display()))?;
    }
    Ok(unpacked)
}

fn package() -> Fallible<String> {
    for name in METAPACKAGES {
        let depends = tools::run("apt-cache", &["depends", name]).unwrap_or_default();
        let mut lines = depends.lines().map(str::trim);
        let package = lines.find_map(|line| line.strip_prefix("Depends: linux-image-"));
        if let Some(rest) = package {
            return Ok(format!("linux-image-{rest}"));
        }
    }
    Err(format!(
        "apt-cache knows none of {METAPACKAGES:?}: run apt-get update, or name an unpacked package in KEELBLOCK_VM_KERNEL"
    ))
}

/// Takes the ELF file out of a boot image. Format: Linux' Documentation/arch/x86/boot.rst.
fn unpack_image(packed: &Path, image: &Path) -> Fallible<()> {
    let bytes = fs::read(packed).map_err(failed(packed.display()))?;
    let number = |at: usize, count: usize| {
        let field = bytes.get(at..at + count)?;
        let number = field
            .iter()
            .rev()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        Some(number)
    };
    let payload = || {
        let setup = match number(0x1f1, 1)? {
            0 => 4,
            sectors => sectors,
        };
        let start = (setup + 1) * 512 + number(0x248, 4)?;
        // The last four bytes are its unpacked size.
        bytes.get(start..start + number(0x24c, 4)? - 4)
    };
    let payload = payload().ok_or_else(|| format!("{} is no boot image", packed.display()))?;
    let decompressor = match payload {
        [0xfd, b'7', b'z', ..] => "xz",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "zstd",
        [0x1f, 0x8b, ..] => "gzip",
        _ => return Err(format!("{} is packed in an unknown way", packed.display())),
    };
    let scratch = image.with_extension(process::id().to_string());
    let part = scratch.with_extension("packed");
    fs::write(&part, payload).map_err(failed(part.display()))?;
    let unpacked = tools::command(decompressor)?.arg("-dc").arg(&part).output();
    let unpacked = unpacked.map_err(failed(decompressor))?;
    fs::remove_file(&part).map_err(failed(part.display()))?;
    if !unpacked.stdout.starts_with(b"\x7fELF") {
        return Err(format!(
            "{decompressor} found no kernel in {}",
            packed.display()
        ));
    }
    fs::write(&scratch, unpacked.stdout).map_err(failed(scratch.display()))?;
    fs::rename(&scratch, image).map_err(failed(image.display()))
}
