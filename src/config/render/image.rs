//! The installer's image: which one it is, and what its name is made of.
//!
//! Spec: <https://github.com/budimanjojo/talhelper/blob/v3.1.17/pkg/talos/schematic.go>.

use super::template::{self, Data, Datum};
use super::{RenderError, Work, schematic};

/// The name of an image of the factory.
const USUAL: &str =
    "{{.RegistryURL}}/{{.Mode}}-installer{{if .Secureboot}}-secureboot{{end}}/{{.ID}}:{{.Version}}";

/// The name of the installer's image.
pub(super) fn installer(work: &Work<'_>) -> Result<String, RenderError> {
    let configs = &work.node.configs;
    if !configs.talos_image_url.is_empty() {
        return Ok(format!("{}:{}", &*configs.talos_image_url, work.tag));
    }
    let config = &work.loaded.config;
    let id = schematic::id(configs.schematic.as_ref());
    let id = id.map_err(|why| RenderError::Schematic {
        hostname: work.hostname(),
        why,
    })?;
    let mode = match &*configs.machine_spec.mode {
        "" => "metal",
        mode => mode,
    };
    let text = |text: &str| Datum::Text(text.to_owned());
    let fields = vec![
        ("RegistryURL", text(config.registry())),
        ("ID", text(&id)),
        ("Version", text(&work.tag)),
        ("Mode", text(mode)),
        ("Secureboot", Datum::Flag(configs.machine_spec.secureboot)),
    ];
    let data = Data {
        root: Datum::Fields(fields),
        env: &work.loaded.env,
    };
    let template = match &*config.image_factory.installer_url_template {
        "" => USUAL,
        template => template,
    };
    let name = template::render(template, &data).map_err(|source| RenderError::Template {
        place: "imageFactory.installerURLTmpl".to_owned(),
        source,
    })?;
    Ok(name.to_string())
}
