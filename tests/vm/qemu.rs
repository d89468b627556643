//! QEMU: the command line of a machine, and one boot from power on to power off.

use std::env;
use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::kernel::Kernel;
use super::machine::{Attach, Disk, Machine};
use super::tools::{self, Fallible, failed};

/// One boot.
#[derive(Debug)]
pub struct Boot<'a> {
    pub machine: &'a Machine,
    pub kernel: &'a Kernel,
    pub initramfs: &'a Path,
    /// More words for the kernel.
    pub cmdline: String,
    /// Where images, logs and sockets of this run lie.
    pub folder: &'a Path,
    /// The image of each disk, in the machine's order.
    pub images: Vec<Image>,
    pub timeout: Duration,
}

/// What stands for a disk.
#[derive(Clone, Debug)]
pub struct Image {
    pub file: PathBuf,
    /// Every write and flush is logged here, in the order in which the guest issued them.
    pub log: Option<PathBuf>,
}

impl Boot<'_> {
    /// Runs until the guest powers off, and gives the lines that it said on its port for results.
    pub fn run(&self, name: &str) -> Fallible<Vec<String>> {
        let mut guest = self.start(name)?;
        let mut lines = Vec::new();
        while let Some(line) = guest.line()? {
            lines.push(line);
        }
        guest.finish().map(|()| lines)
    }

    /// Powers it on. Logs are called `name`.
    pub fn start(&self, name: &str) -> Fallible<Guest> {
        let console = self.folder.join(format!("{name}.console"));
        let errors = self.folder.join(format!("{name}.qemu"));
        // The path of a socket has at most 107 bytes, and the target folder may lie deep.
        let sockets = tempfile::tempdir().map_err(failed("no temporary folder"))?;
        let results = sockets.path().join("results");
        let tpm = sockets.path().join("tpm");
        let tpm_process = self.machine.tpm.then(|| swtpm(self.folder, &tpm));
        let mut command = tools::command("qemu-system-x86_64")?;
        command.args(self.arguments(&tpm));
        command.args(["-serial", &format!("file:{}", console.display())]);
        let results_arguments = format!("unix:{},server=on,wait=on", results.display());
        command.args(["-serial", &results_arguments]);
        let file = fs::File::create(&errors).map_err(failed(errors.display()))?;
        let tpm_process = tpm_process.transpose()?;
        let child = command.stdout(Stdio::null()).stderr(file).spawn();
        let mut qemu = Running(child.map_err(failed("cannot start qemu-system-x86_64"))?);
        let deadline = Instant::now() + self.timeout;
        let port = loop {
            if let Ok(port) = UnixStream::connect(&results) {
                break port;
            }
            if qemu.ended()?.is_some() || Instant::now() > deadline {
                let said = fs::read_to_string(&errors).unwrap_or_default();
                return Err(format!("QEMU did not start: {}", said.trim()));
            }
            thread::sleep(Duration::from_millis(10));
        };
        let short = Some(Duration::from_millis(200));
        port.set_read_timeout(short).map_err(failed("port"))?;
        Ok(Guest {
            qemu,
            port,
            pending: Vec::new(),
            deadline,
            console,
            errors,
            _tpm: tpm_process,
            _sockets: sockets,
        })
    }

    fn arguments(&self, tpm: &Path) -> Vec<String> {
        let machine = self.machine;
        let accelerator = env::var("KEELBLOCK_VM_ACCEL").unwrap_or_else(|_| "tcg".to_owned());
        let smbios = format!(
            "type=1,manufacturer={},product={},uuid={}",
            escape(&machine.vendor),
            escape(&machine.product),
            machine.uuid
        );
        // What only costs time under emulation is left out. The check of the timer fails on a host with much to do.
        let words = format!(
            "console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off no_timer_check random.trust_cpu=on cryptomgr.notests {}",
            self.cmdline
        );
        let mut all = words_of(
            "-machine q35 -nodefaults -display none -no-reboot -nic none -cpu max -bios qboot.rom",
        );
        let mut add = |key: &str, value: String| all.extend([format!("-{key}"), value]);
        add("accel", accelerator);
        add("smp", machine.cpus.to_string());
        add("m", machine.memory.to_string());
        add("smbios", smbios);
        add("kernel", self.kernel.image.display().to_string());
        add("initrd", self.initramfs.display().to_string());
        add("append", words);
        add("device", "qemu-xhci,id=xhci,p2=8,p3=8".to_owned());
        if machine.tpm {
            let chardev = format!("socket,id=tpm,path={}", tpm.display());
            add("chardev", chardev);
            add("tpmdev", "emulator,id=tpm0,chardev=tpm".to_owned());
            add("device", "tpm-tis,tpmdev=tpm0".to_owned());
        }
        for (index, (disk, image)) in machine.disks.iter().zip(&self.images).enumerate() {
            let limit = disk.writes_per_second;
            if let Some(limit) = limit {
                let group = format!("throttle-group,id=limit{index},x-iops-write={limit}");
                add("object", group);
            }
            for node in image.nodes(index, limit.is_some()) {
                add("blockdev", node);
            }
            for device in devices(disk, index) {
                add("device", device);
            }
        }
        all
    }
}

impl Image {
    /// The block nodes; the guest's disk is `disk{index}`. Nothing outlives the run, so the host need not flush.
    fn nodes(&self, index: usize, limited: bool) -> Vec<String> {
        let file = |name: &str, path: &Path| {
            let path = escape(&path.display().to_string());
            format!("driver=file,node-name={name},filename={path},cache.no-flush=on,discard=unmap")
        };
        let raw = |name: &str| {
            format!("driver=raw,node-name={name},file=file{index},cache.no-flush=on,discard=unmap")
        };
        let disk = format!("disk{index}");
        match &self.log {
            None if limited => vec![
                file(&format!("file{index}"), &self.file),
                raw(&format!("raw{index}")),
                format!(
                    "driver=throttle,node-name={disk},throttle-group=limit{index},file=raw{index},discard=unmap"
                ),
            ],
            None => vec![file(&format!("file{index}"), &self.file), raw(&disk)],
            Some(log) => vec![
                file(&format!("file{index}"), &self.file),
                raw(&format!("raw{index}")),
                file(&format!("log{index}"), log),
                format!(
                    "driver=blklogwrites,node-name={disk},file=raw{index},log=log{index},log-sector-size=512,log-super-update-interval=1,discard=unmap"
                ),
            ],
        }
    }
}

fn words_of(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// A comma in a value is doubled on QEMU's command line.
fn escape(value: &str) -> String {
    value.replace(',', ",,")
}

fn devices(disk: &Disk, index: usize) -> Vec<String> {
    let drive = format!("drive=disk{index}");
    let physical = disk.physical.unwrap_or(disk.block);
    let blocks = format!(
        "logical_block_size={},physical_block_size={physical},opt_io_size={}",
        disk.block, disk.optimal
    );
    let mut names = String::new();
    let mut name = |key: &str, value: &str| {
        if !value.is_empty() {
            names.push_str(&format!(",{key}={}", escape(value)));
        }
    };
    let scsi = matches!(disk.attach, Attach::Uas | Attach::Bot);
    if scsi {
        name("vendor", &disk.vendor);
        name("product", &disk.model);
    } else if disk.attach != Attach::Nvme {
        name("model", &disk.model);
    }
    if disk.attach != Attach::Nvme {
        name("ver", &disk.firmware);
    }
    name("serial", &disk.serial);
    // Ports of the USB controller count from 1.
    let port = index + 1;
    let serial = escape(&disk.serial);
    match disk.attach {
        Attach::Ahci => vec![format!(
            "ide-hd,bus=ide.{index},{drive},rotation_rate=1,{blocks}{names}"
        )],
        Attach::AhciCdrom => vec![format!("ide-cd,bus=ide.{index},{drive}{names}")],
        Attach::Nvme => vec![
            format!("nvme,id=nvme{index}{names}"),
            format!("nvme-ns,bus=nvme{index},{drive},{blocks}"),
        ],
        Attach::Uas | Attach::Bot => {
            let bridge = if disk.attach == Attach::Uas {
                "usb-uas"
            } else {
                "usb-bot"
            };
            let removable = if disk.removable { "on" } else { "off" };
            vec![
                format!("{bridge},id=bridge{index},bus=xhci.0,port={port},serial={serial}"),
                format!(
                    "scsi-hd,bus=bridge{index}.0,scsi-id=0,lun=0,{drive},removable={removable},rotation_rate=1,{blocks}{names}"
                ),
            ]
        }
    }
}

/// A machine that is on.
#[derive(Debug)]
pub struct Guest {
    qemu: Running,
    /// The guest's port for results.
    port: UnixStream,
    /// Bytes after the last whole line.
    pending: Vec<u8>,
    deadline: Instant,
    console: PathBuf,
    errors: PathBuf,
    _tpm: Option<Running>,
    _sockets: TempDir,
}

impl Guest {
    /// The next line, or nothing if QEMU has ended.
    pub fn line(&mut self) -> Fallible<Option<String>> {
        loop {
            if let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                return Ok(Some(String::from_utf8_lossy(&line).trim().to_owned()));
            }
            let mut buffer = [0; 4096];
            match self.port.read(&mut buffer) {
                Ok(0) => return Ok(None),
                Ok(count) => self.pending.extend(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(None),
                Err(error) => return Err(self.wrong(&error.to_string())),
            }
            if Instant::now() > self.deadline {
                return Err(self.wrong("the guest did not come to its end in time"));
            }
        }
    }

    /// Says a line to the guest.
    pub fn say(&mut self, line: &str) -> Fallible<()> {
        let written = writeln!(self.port, "{line}");
        written.map_err(|error| self.wrong(&error.to_string()))
    }

    /// Gives the guest this much more time from now on.
    pub fn extend(&mut self, time: Duration) {
        self.deadline = Instant::now() + time;
    }

    /// Waits until QEMU has ended, and looks how.
    pub fn finish(mut self) -> Fallible<()> {
        while Instant::now() < self.deadline {
            match self.qemu.ended()? {
                Some(true) => return Ok(()),
                Some(false) => {
                    let said = fs::read_to_string(&self.errors).unwrap_or_default();
                    return Err(self.wrong(&format!("QEMU failed: {}", said.trim())));
                }
                None => thread::sleep(Duration::from_millis(10)),
            }
        }
        Err(self.wrong("QEMU did not end in time"))
    }

    /// What went wrong, and where to read more.
    pub fn wrong(&self, what: &str) -> String {
        format!("{what}; console: {}", self.console.display())
    }
}

/// A process that does not outlive the rig's interest in it.
#[derive(Debug)]
struct Running(Child);

impl Running {
    /// Whether it has ended, and well.
    fn ended(&mut self) -> Fallible<Option<bool>> {
        let status = self.0.try_wait().map_err(failed("cannot wait"))?;
        Ok(status.map(|status| status.success()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A TPM for one boot, reached through `socket`; its state stays in the folder.
fn swtpm(folder: &Path, socket: &Path) -> Fallible<Running> {
    let state = folder.join("tpm");
    fs::create_dir_all(&state).map_err(failed(state.display()))?;
    let state = format!("dir={}", state.display());
    let control = format!("type=unixio,path={}", socket.display());
    let child = tools::command("swtpm")?
        .args(["socket", "--tpm2", "--tpmstate", &state, "--ctrl", &control])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut running = Running(child.map_err(failed("cannot start swtpm"))?);
    let start = Instant::now();
    while !socket.exists() {
        if running.ended()?.is_some() || start.elapsed() > Duration::from_secs(30) {
            return Err("swtpm made no socket".to_owned());
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(running)
}
