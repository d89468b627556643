//! Network interfaces as `probe` prints them.

use crate::cli::table::Table;
use crate::printable::printable;
use crate::probe::nic::{Nic, NicKind};

/// A table of the interfaces with a device or an address, and their addresses; empty without any interface.
pub fn render(nics: &[Nic]) -> String {
    let (shown, others): (Vec<&Nic>, Vec<&Nic>) = nics.iter().partition(|nic| matters(nic));
    let mut text = String::new();
    if !shown.is_empty() {
        let mut table = Table::new(&["NIC", "KIND", "LINK", "MAC", "DRIVER", "BUS"], &[]);
        for nic in &shown {
            table.row([
                nic.name.clone(),
                nic.kind.word().to_owned(),
                link(nic),
                or_dash(&nic.mac),
                or_dash(&nic.driver),
                or_dash(&nic.bus_path),
            ]);
        }
        text.push_str(&table.render());
        for nic in shown {
            for address in &nic.addresses {
                text.push_str(&format!("  {}: {address}\n", printable(&nic.name)));
            }
        }
    }
    let is_loopback = |nic: &&&Nic| nic.kind == NicKind::Loopback;
    let count = others.len() - others.iter().filter(is_loopback).count();
    if count > 0 {
        text.push_str(&format!("and {count} virtual ones without an address\n"));
    }
    text
}

/// Dozens of a node's interfaces belong to its pods.
fn matters(nic: &Nic) -> bool {
    match nic.kind {
        NicKind::Loopback => false,
        NicKind::Virtual => !nic.addresses.is_empty(),
        _ => true,
    }
}

/// `1000 Mbit/s`, `up`, `no carrier`, `down`.
fn link(nic: &Nic) -> String {
    match (nic.operstate.as_str(), nic.carrier, nic.speed) {
        ("up" | "unknown", Some(true) | None, Some(speed)) => format!("{speed} Mbit/s"),
        (state, Some(false), _) if state != "up" => "no carrier".to_owned(),
        ("", ..) => "-".to_owned(),
        (state, ..) => state.to_owned(),
    }
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-" } else { text }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nic(name: &str, kind: NicKind) -> Nic {
        Nic {
            name: name.to_owned(),
            kind,
            ..Nic::default()
        }
    }

    #[test]
    fn the_table_shows_what_has_a_device_or_an_address_in_eighty_columns() {
        let main = Nic {
            driver: "tg3".to_owned(),
            bus_path: "0000:03:00.0".to_owned(),
            mac: "00:00:5e:00:53:12".to_owned(),
            operstate: "up".to_owned(),
            carrier: Some(true),
            speed: Some(1000),
            addresses: vec![
                "172.29.51.11/24".parse().unwrap(),
                "fd47::b/64".parse().unwrap(),
            ],
            ..nic("enp3s0f0", NicKind::Physical)
        };
        let mut tunnel = nic("cilium_host", NicKind::Virtual);
        tunnel.addresses = vec!["10.244.0.7/32".parse().unwrap()];
        let text = render(&[
            main,
            tunnel,
            nic("lo", NicKind::Loopback),
            nic("lxc1", NicKind::Virtual),
        ]);
        assert_eq!(
            text,
            "NIC          KIND      LINK         MAC                DRIVER  BUS\n\
             enp3s0f0     physical  1000 Mbit/s  00:00:5e:00:53:12  tg3     0000:03:00.0\n\
             cilium_host  virtual   -            -                  -       -\n  \
             enp3s0f0: 172.29.51.11/24\n  \
             enp3s0f0: fd47::b/64\n  \
             cilium_host: 10.244.0.7/32\n\
             and 1 virtual ones without an address\n"
        );
        assert!(text.lines().all(|line| line.chars().count() <= 80));
    }

    #[test]
    fn a_link_is_told_by_its_speed_or_its_state() {
        for (state, carrier, speed, shown) in [
            ("up", Some(true), Some(1000), "1000 Mbit/s"),
            ("up", Some(true), None, "up"),
            ("down", Some(false), None, "no carrier"),
            ("down", None, None, "down"),
            ("unknown", Some(true), None, "unknown"),
            ("", None, None, "-"),
        ] {
            let nic = Nic {
                operstate: state.to_owned(),
                carrier,
                speed,
                ..nic("eth0", NicKind::Physical)
            };
            assert_eq!(link(&nic), shown);
        }
    }
}
