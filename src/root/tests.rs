//! Reading and writing below a tree that stands for `/`.

use std::os::unix::fs::symlink;

use super::*;

fn tree() -> (tempfile::TempDir, Root) {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("sys/devices/a")).unwrap();
    fs::write(dir.path().join("sys/devices/a/size"), "8\n").unwrap();
    let root = Root::at(dir.path());
    (dir, root)
}

#[test]
fn a_link_with_an_absolute_target_stays_in_the_tree() {
    let (dir, root) = tree();
    symlink("/sys/devices", dir.path().join("sys/block")).unwrap();
    assert_eq!(
        root.read_to_string("/sys/block/a/size").unwrap().as_deref(),
        Some("8\n")
    );
    assert_eq!(
        root.canonical("/sys/block/a").unwrap(),
        Some(PathBuf::from("/sys/devices/a"))
    );
}

#[test]
fn no_number_of_parent_directories_leads_out_of_the_tree() {
    let (dir, root) = tree();
    symlink("../../../../../../etc", dir.path().join("sys/out")).unwrap();
    assert_eq!(root.read("/sys/out/passwd").unwrap(), None);
    assert_eq!(root.read("/../../../../etc/passwd").unwrap(), None);
    fs::create_dir(dir.path().join("etc")).unwrap();
    fs::write(dir.path().join("etc/passwd"), "ours").unwrap();
    assert_eq!(root.read("/sys/out/passwd").unwrap().unwrap(), b"ours");
}

#[test]
fn links_in_a_circle_are_an_error_and_not_a_hang() {
    let (dir, root) = tree();
    symlink("b", dir.path().join("a")).unwrap();
    symlink("a", dir.path().join("b")).unwrap();
    assert_eq!(
        root.read("/a").unwrap_err().raw_os_error(),
        Some(Errno::ELOOP as i32)
    );
}

#[test]
fn what_is_not_there_is_none_and_what_cannot_be_read_is_an_error() {
    let (_dir, root) = tree();
    assert_eq!(root.read("/sys/none").unwrap(), None);
    assert_eq!(root.read("/sys/devices/a/size/below").unwrap(), None);
    assert_eq!(root.read_dir("/none").unwrap(), None);
    assert_eq!(root.read_link("/sys/devices/a/size").unwrap(), None);
    assert!(!root.exists("/none").unwrap());
    assert!(root.read("/sys/devices/a").is_err(), "a directory");
}

#[test]
fn an_atomic_write_replaces_the_file_and_leaves_nothing_else() {
    let (dir, root) = tree();
    root.create_dir_all("/etc/sysctl.d").unwrap();
    root.write_atomic("/etc/sysctl.d/x.conf", b"old").unwrap();
    root.write_atomic("/etc/sysctl.d/x.conf", b"new").unwrap();
    assert_eq!(root.read("/etc/sysctl.d/x.conf").unwrap().unwrap(), b"new");
    assert_eq!(root.read_dir("/etc/sysctl.d").unwrap().unwrap(), ["x.conf"]);
    root.remove_file("/etc/sysctl.d/x.conf").unwrap();
    root.remove_file("/etc/sysctl.d/x.conf").unwrap();
    assert!(!dir.path().join("etc/sysctl.d/x.conf").exists());
}

#[test]
fn a_plain_write_needs_the_file_to_be_there() {
    let (_dir, root) = tree();
    assert!(root.write("/sys/devices/a/none", b"1").is_err());
    root.write("/sys/devices/a/size", b"9").unwrap();
    assert_eq!(root.read("/sys/devices/a/size").unwrap().unwrap(), b"9");
}

#[test]
fn a_long_file_is_cut_at_the_limit() {
    let (dir, root) = tree();
    let file = File::create(dir.path().join("long")).unwrap();
    file.set_len(3 * READ_LIMIT).unwrap();
    assert_eq!(
        root.read("/long").unwrap().unwrap().len() as u64,
        READ_LIMIT
    );
}

#[test]
fn a_plain_file_can_stand_in_for_a_disk_but_a_directory_cannot() {
    use crate::target::BlockSource as _;
    use crate::units::{BlockSize, Bytes, Geometry};
    let (dir, root) = tree();
    fs::write(dir.path().join("disk"), [7; 4096]).unwrap();
    let device = root.open_device("/disk").unwrap();
    assert_eq!(device.number(), None);
    let reader = device.into_reader(Geometry {
        size: Bytes::new(4096),
        logical: BlockSize::B512,
        physical: 512,
    });
    let mut buf = [0; 512];
    reader.read_exact_at(Bytes::new(3584), &mut buf).unwrap();
    assert_eq!(buf, [7; 512]);
    assert_eq!(
        reader
            .read_exact_at(Bytes::new(3585), &mut buf)
            .unwrap_err()
            .kind(),
        io::ErrorKind::UnexpectedEof
    );
    assert!(root.open_device("/sys").is_err());
}

#[test]
fn a_link_of_sysfs_is_followed_to_where_the_kernel_itself_resolves_it() {
    let live = Root::live();
    let names = live.read_dir("/sys/class/tty").unwrap().unwrap();
    assert!(!names.is_empty(), "sysfs is mounted");
    for name in names {
        let link = format!("/sys/class/tty/{name}");
        let resolved = live.canonical(&link).unwrap();
        assert_eq!(live.device_dir(&link).unwrap(), resolved, "{link}");
    }
    let none = live.device_dir("/sys/class/tty/none").unwrap();
    assert_eq!(none, None);
    let (dir, root) = tree();
    symlink("/sys/devices", dir.path().join("sys/block")).unwrap();
    let place = root.device_dir("/sys/block/a").unwrap();
    assert_eq!(place, Some(PathBuf::from("/sys/devices/a")));
}
