//! When a value that was read is the one that was wanted. Pure: no I/O.

use super::{order, quirks};

/// The value of an attribute as people write it: of a choice such as `none [mq-deadline]` the one that is chosen.
pub fn shown(key: &str, text: &str) -> String {
    let text = text.trim();
    let chosen = || {
        let (_, rest) = text.split_once('[')?;
        rest.split_once(']').map(|(chosen, _)| chosen)
    };
    let is_choice = key.ends_with("scheduler");
    let value = is_choice.then(chosen).flatten().unwrap_or(text);
    // Several columns of one sysctl stand apart by tabs.
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether `found` is what writing `wanted` should lead to.
pub fn same(key: &str, wanted: &str, found: &str) -> bool {
    if quirks::is_list(key) {
        return quirks::contains(found, wanted);
    }
    let wanted = shown(key, wanted);
    if let Some(knob) = order::knob(key) {
        return knob.same(&wanted, found);
    }
    match (wanted.parse::<i64>(), found.parse::<i64>()) {
        (Ok(wanted), Ok(found)) => wanted == found,
        _ => wanted == found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_the_wanted_one_up_to_how_the_kernel_writes_it() {
        let cases = [
            ("queue/scheduler", "none", "[none] mq-deadline", true),
            ("queue/scheduler", "none", "none [mq-deadline]", false),
            ("queue/read_ahead_kb", "127", "124", true),
            ("queue/read_ahead_kb", "128", "124", false),
            ("bdi/max_bytes", "67108864", "67108760", true),
            ("queue/write_cache", "write back", "write back", true),
            (
                "net.ipv4.ip_local_port_range",
                "1024 65000",
                "1024\t65000",
                true,
            ),
            ("vm.swappiness", "010", "10", true),
            (
                "module/usb_storage/quirks",
                "04e8:4001:u",
                "152d:0567:f,04e8:4001:u",
                true,
            ),
        ];
        for (key, wanted, text, result) in cases {
            assert_eq!(same(key, wanted, &shown(key, text)), result, "{key} {text}");
        }
    }
}
