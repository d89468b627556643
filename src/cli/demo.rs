//! `keelblock demo`: the main job on built-in examples, so that a first look needs nothing but an empty folder.

use crate::cli::args::{ConsentArgs, DemoArgs, Global, PlanningArgs, TargetArgs};
use crate::cli::context;
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::cli::{apply, inspect, plan};
use crate::config::{self, Source};
use crate::exit::Exit;
use crate::units::Bytes;

const CONFIG_NAME: &str = "examples/nodes/talos-1.10/mini01.yaml";
const CONFIG: &str = include_str!("../../examples/nodes/talos-1.10/mini01.yaml");
const HARDWARE_NAME: &str = "examples/hardware/macmini-2014.json";
const HARDWARE: &str = include_str!("../../examples/hardware/macmini-2014.json");

pub fn run(global: &Global, args: &DemoArgs, output: &mut Output) -> Result<Exit, Failure> {
    let spec = config::parse(&[Source {
        name: CONFIG_NAME,
        text: CONFIG,
    }])?;
    let (hardware, recorded) = match &global.hardware {
        Some(path) => (path.display().to_string(), context::recorded(path)?),
        None => (
            HARDWARE_NAME.to_owned(),
            context::parse_recorded(HARDWARE_NAME, HARDWARE)?,
        ),
    };
    let target = TargetArgs {
        image: Some(args.image.clone()),
        size: Some(args.size),
        role: String::from("install"),
        ..TargetArgs::default()
    };
    let subject = context::image_for_disk(
        recorded.inventory,
        &spec,
        &args.image,
        &target,
        &ConsentArgs::default(),
    )?;
    // A demonstration need not be hard to guess: its keys are in the example.
    let planning = PlanningArgs {
        kdf_memory: Some(Bytes::mib(64)),
        kdf_time: Some(4),
        ..PlanningArgs::default()
    };
    let plan = plan::make(&spec, &subject, &planning)?;
    output.text(&format!("node {CONFIG_NAME} on {hardware}\n\n"))?;
    output.text(&plan::render(&plan, output.colour))?;
    let receipt = apply::execute(&spec, &plan, None)?;
    output.text(&format!("\n{}\n", apply::render(&receipt, &plan)))?;
    let report = inspect::report(&args.image, None, Some(&spec), plan.machine.uuid.as_deref())?;
    output.print(&report, |colour| inspect::render(&report, colour))?;
    Ok(Exit::Done)
}
