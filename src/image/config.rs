//! The config of an image: the base's, edited in place as JSON, so that fields this program does
//! not know survive (OCI image specification, config.md).

use serde_json::{Map, Value, json};

use super::Error;
use super::layer::Ours;
use crate::base::BasePlatform;
use crate::oci::{Descriptor, Platform};
use crate::plan::image::{ConfigPlan, PlatformPlan};
use crate::plan::rfc3339;

/// The config and the platform as both config and descriptor spell it.
pub(super) fn edit(
    plan: &PlatformPlan,
    base: &BasePlatform,
    base_name: &str,
    ours: &[Ours],
) -> Result<(Value, Platform), Error> {
    let mut editor = Editor {
        root: base.config.clone(),
        base: base_name,
        plan,
    };
    let platform = spelling(plan, base);
    editor.platform(&platform)?;
    let created = rfc3339(plan.config.created);
    editor.layers(&base.layers, ours, &created)?;
    editor
        .object("")?
        .insert("created".to_owned(), created.into());
    editor.process(&plan.config)?;
    editor.sets(&plan.config)?;
    Ok((editor.root, platform))
}

/// The platform as the base spells it (it may say `v8` for arm64), unless a stronger variant is
/// built than the base is for.
fn spelling(plan: &PlatformPlan, base: &BasePlatform) -> Platform {
    let ours = Platform::from(plan.platform);
    let same = base.spelling.known() == Some(plan.platform);
    Platform {
        variant: base
            .spelling
            .variant
            .clone()
            .filter(|_| same)
            .or(ours.variant),
        os: ours.os,
        architecture: ours.architecture,
        other: base.spelling.other.clone(),
    }
}

struct Editor<'a> {
    root: Value,
    base: &'a str,
    plan: &'a PlatformPlan,
}

impl Editor<'_> {
    fn platform(&mut self, platform: &Platform) -> Result<(), Error> {
        let root = self.object("")?;
        root.insert("os".to_owned(), platform.os.clone().into());
        root.insert(
            "architecture".to_owned(),
            platform.architecture.clone().into(),
        );
        match &platform.variant {
            Some(variant) => root.insert("variant".to_owned(), variant.clone().into()),
            None => root.remove("variant"),
        };
        Ok(())
    }

    /// Diff IDs and history of the layers on top.
    fn layers(&mut self, below: &[Descriptor], ours: &[Ours], created: &str) -> Result<(), Error> {
        let history = self.array("history")?;
        let told = history
            .iter()
            .filter(|item| item["empty_layer"] != json!(true))
            .count();
        // Where the base tells less than it has, ours would be taken for its layers.
        for _ in told..below.len() {
            history.push(json!({"comment": "layer of the base"}));
        }
        for layer in ours {
            history.push(json!({"created": created, "created_by": layer.created_by}));
        }
        let rootfs = self.object("rootfs")?;
        rootfs.entry("type").or_insert_with(|| "layers".into());
        let diff_ids = rootfs.entry("diff_ids").or_insert_with(|| json!([]));
        let Value::Array(diff_ids) = diff_ids else {
            return Err(self.wrong("rootfs.diff_ids", "a list"));
        };
        diff_ids.extend(
            ours.iter()
                .map(|ours| Value::String(ours.layer.diff_id.to_string())),
        );
        Ok(())
    }

    fn process(&mut self, plan: &ConfigPlan) -> Result<(), Error> {
        self.merge_env(&plan.env)?;
        let config = self.object("config")?;
        let mut set = |key: &str, value: Value| {
            config.insert(key.to_owned(), value);
        };
        if let Some(entrypoint) = &plan.entrypoint {
            set("Entrypoint", json!(entrypoint));
        }
        if let Some(cmd) = &plan.cmd {
            set("Cmd", json!(cmd));
        }
        if let Some(user) = &plan.user {
            set("User", json!(user));
        }
        if let Some(workdir) = &plan.workdir {
            set("WorkingDir", json!(workdir));
        }
        if plan.entrypoint.is_some() && plan.cmd.is_none() {
            // It was made of arguments for another program.
            config.remove("Cmd");
        }
        Ok(())
    }

    fn merge_env(&mut self, env: &[(String, String)]) -> Result<(), Error> {
        if env.is_empty() {
            return Ok(());
        }
        let config = self.object("config")?;
        let list = config.entry("Env").or_insert_with(|| json!([]));
        if list.is_null() {
            *list = json!([]);
        }
        let Value::Array(list) = list else {
            return Err(self.wrong("config.Env", "a list"));
        };
        for (name, value) in env {
            let line = Value::String(format!("{name}={value}"));
            let prefix = format!("{name}=");
            let is_it = |old: &Value| {
                old.as_str()
                    .is_some_and(|old| old == name || old.starts_with(&prefix))
            };
            match list.iter_mut().find(|old| is_it(old)) {
                Some(old) => *old = line,
                None => list.push(line),
            }
        }
        Ok(())
    }

    fn sets(&mut self, plan: &ConfigPlan) -> Result<(), Error> {
        let labels = plan.labels.iter();
        self.add(
            "Labels",
            labels.map(|(key, value)| (key.clone(), json!(value))),
        )?;
        let ports = plan.ports.iter().map(|port| match port.contains('/') {
            true => port.clone(),
            false => format!("{port}/tcp"),
        });
        self.add("ExposedPorts", ports.map(|port| (port, json!({}))))?;
        let volumes = plan.volumes.iter();
        self.add("Volumes", volumes.map(|volume| (volume.clone(), json!({}))))
    }

    fn add(
        &mut self,
        key: &str,
        items: impl Iterator<Item = (String, Value)>,
    ) -> Result<(), Error> {
        let mut items = items.peekable();
        if items.peek().is_some() {
            self.object(&format!("config.{key}"))?.extend(items);
        }
        Ok(())
    }

    /// The object at a dotted path, made where there is none.
    fn object(&mut self, path: &str) -> Result<&mut Map<String, Value>, Error> {
        let wrong = self.wrong(path, "an object");
        let mut value = &mut self.root;
        for key in path.split('.').filter(|key| !key.is_empty()) {
            let Value::Object(object) = value else {
                return Err(wrong);
            };
            value = object.entry(key).or_insert(Value::Null);
            // Go writes an empty map as null.
            if value.is_null() {
                *value = json!({});
            }
        }
        value.as_object_mut().ok_or(wrong)
    }

    fn array(&mut self, key: &str) -> Result<&mut Vec<Value>, Error> {
        let wrong = self.wrong(key, "a list");
        let value = self.object("")?.entry(key).or_insert(Value::Null);
        if value.is_null() {
            *value = json!([]);
        }
        value.as_array_mut().ok_or(wrong)
    }

    fn wrong(&self, field: &str, expected: &'static str) -> Error {
        Error::Config {
            base: self.base.to_owned(),
            platform: self.plan.platform,
            field: field.to_owned(),
            expected,
        }
    }
}
