//! A scenario as its file says it: a header of `#: key value` lines, then shell functions `phase_1`, `phase_2`, …

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::tools::{Fallible, failed};

/// Longer than any phase takes on a busy machine under emulation.
const PATIENCE: Duration = Duration::from_secs(900);

/// One script, and what it needs around it.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: String,
    /// Shell, as it stands in the file.
    pub script: String,
    /// One run for each.
    pub machines: Vec<Booted>,
    /// Part of every run of the tests, not only of a full one.
    pub every_run: bool,
    /// Measures; it runs only when it is named.
    pub bench: bool,
    /// Programs of the host that the guest gets, with their libraries.
    pub tools: Vec<String>,
    pub modules: Vec<String>,
    /// Files of the repository, and where the guest has them.
    pub files: Vec<(PathBuf, String)>,
    /// More words for the kernel's command line.
    pub cmdline: String,
    /// How many times the machine boots with the same disks.
    pub phases: u32,
    /// The disk whose power is cut during phase 2; phase 3 then runs after every cut.
    pub cut: Option<String>,
    /// For one phase.
    pub timeout: Duration,
}

/// A machine, and whether a udevd runs on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booted {
    pub machine: String,
    pub udev: bool,
}

impl Scenario {
    /// All below `scenarios/`, by name.
    pub fn all() -> Fallible<Vec<Self>> {
        Self::below(&root().join("scenarios"))
    }

    /// All below `cuts/`, by name.
    pub fn cuts() -> Fallible<Vec<Self>> {
        Self::below(&root().join("cuts"))
    }

    fn below(folder: &Path) -> Fallible<Vec<Self>> {
        let entries = fs::read_dir(folder).map_err(failed(folder.display()))?;
        let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
        let mut paths: Vec<_> = paths
            .filter(|path| path.extension().is_some_and(|it| it == "sh"))
            .collect();
        paths.sort();
        paths.iter().map(|path| Self::load(path)).collect()
    }

    fn load(path: &Path) -> Fallible<Self> {
        let script = fs::read_to_string(path).map_err(failed(path.display()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Self::parse(&name, script).map_err(failed(path.display()))
    }

    fn parse(name: &str, script: String) -> Fallible<Self> {
        let mut scenario = Self {
            name: name.to_owned(),
            script: String::new(),
            machines: Vec::new(),
            every_run: false,
            bench: false,
            tools: Vec::new(),
            modules: Vec::new(),
            files: Vec::new(),
            cmdline: String::new(),
            phases: 0,
            cut: None,
            timeout: PATIENCE,
        };
        for line in script.lines().filter_map(|line| line.strip_prefix("#:")) {
            scenario.header(line.trim())?;
        }
        let defines = |phase: u32| {
            script
                .lines()
                .any(|line| line.starts_with(&format!("phase_{phase}()")))
        };
        while defines(scenario.phases + 1) {
            scenario.phases += 1;
        }
        if scenario.machines.is_empty() {
            return Err("names no machine".to_owned());
        }
        scenario.script = script;
        Ok(scenario)
    }

    fn header(&mut self, line: &str) -> Fallible<()> {
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        let words = || value.split_whitespace().map(str::to_owned);
        match (key, &words().collect::<Vec<_>>()[..]) {
            ("machine", [machine]) => self.boot(machine, false),
            ("machine", [machine, udev]) if udev == "udev" => self.boot(machine, true),
            ("every-run", []) => self.every_run = true,
            ("bench", []) => self.bench = true,
            ("tools", [_, ..]) => self.tools.extend(words()),
            // One a line, because parameters may follow its name.
            ("module", [_, ..]) => self.modules.push(value.to_owned()),
            ("file", [from, to]) => self.files.push((PathBuf::from(from), to.clone())),
            ("cmdline", [_, ..]) => self.cmdline = format!("{} {value}", self.cmdline),
            ("cut", [disk]) => self.cut = Some(disk.clone()),
            ("timeout", [seconds]) => {
                let seconds = seconds.parse().map_err(failed(line))?;
                self.timeout = Duration::from_secs(seconds);
            }
            _ => return Err(format!("no such header: {line:?}")),
        }
        Ok(())
    }

    fn boot(&mut self, machine: &str, udev: bool) {
        let machine = machine.to_owned();
        self.machines.push(Booted { machine, udev });
    }
}

/// The folder of the rig.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vm")
}

#[cfg(test)]
mod tests {
    use super::super::machine::Machine;
    use super::*;

    #[test]
    fn every_scenario_of_the_repository_can_be_started() {
        let scenarios = Scenario::all().unwrap();
        assert!(scenarios.iter().any(|scenario| scenario.every_run));
        let cuts = Scenario::cuts().unwrap();
        assert!(cuts.iter().any(|scenario| scenario.every_run));
        for scenario in &cuts {
            assert_eq!(
                (scenario.phases, scenario.machines.len()),
                (3, 1),
                "{}",
                scenario.name
            );
            let machine = Machine::load(&scenario.machines[0].machine).unwrap();
            let cut = scenario.cut.as_ref().unwrap();
            assert!(
                machine.disks.iter().any(|disk| disk.name == *cut),
                "{}",
                scenario.name
            );
        }
        for scenario in scenarios.iter().chain(&cuts) {
            assert!(scenario.phases > 0, "{} has no phase_1()", scenario.name);
            assert!(
                !scenario.every_run || scenario.script.starts_with("# "),
                "{}",
                scenario.name
            );
            for booted in &scenario.machines {
                Machine::load(&booted.machine).unwrap();
            }
            for (file, _) in &scenario.files {
                let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
                assert!(path.is_file(), "{} wants {}", scenario.name, file.display());
            }
        }
    }

    #[test]
    fn the_header_says_what_a_scenario_needs() {
        let text = "# Prose.\n#: machine a\n#: machine b udev\n#: every-run\n#: tools x y\n\
                    #: module z p=1\n#: file f /g\n#: timeout 7\nphase_1() {\n}\nphase_2() {\n}\n";
        let scenario = Scenario::parse("it", text.to_owned()).unwrap();
        assert_eq!((scenario.phases, scenario.every_run), (2, true));
        assert_eq!((scenario.tools.len(), &*scenario.modules[0]), (2, "z p=1"));
        assert!(scenario.machines[1].udev && !scenario.machines[0].udev);
        assert_eq!(scenario.timeout, Duration::from_secs(7));
        for (text, word) in [
            ("#: machines a", "no such header"),
            ("#: machine a\n#: timeout x", "timeout"),
            ("phase_1() {", "no machine"),
        ] {
            let error = Scenario::parse("it", text.to_owned()).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
    }
}
