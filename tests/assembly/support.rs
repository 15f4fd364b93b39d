//! A folder with a store, files and bases to build from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use polyarch::base::{self, Base, Context, Reference, Wanted};
use polyarch::digest::Digest;
use polyarch::fetch::{Fetcher, Options};
use polyarch::image::{self, BuiltImage};
use polyarch::oci::layer::Compression;
use polyarch::output::{self, Item, OutputSpec};
use polyarch::packages::{self, Packages};
use polyarch::plan::image::{ConfigPlan, FilePlan, ImagePlan, PlatformPlan};
use polyarch::progress::Silent;
use polyarch::store::{Lazy, Store};
use polyarch::target::Platform;
use serde_json::Value;

/// A temporary folder with a store in it.
pub(super) struct Yard {
    pub(super) folder: tempfile::TempDir,
    pub(super) store: Store,
}

pub(super) fn platform(text: &str) -> Platform {
    text.parse().expect(text)
}

impl Yard {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("tempdir");
        let store = Store::open(&folder.path().join("store")).expect("store");
        Self { folder, store }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, with its folders.
    pub(super) fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs_err::create_dir_all(path.parent().expect("has a parent")).expect("folder");
        fs_err::write(&path, content).expect("writes");
        path
    }

    pub(super) fn load(&self, reference: &str, wanted: &Wanted) -> Result<Base, base::Error> {
        let reference: Reference = reference.parse().expect(reference);
        let data = |name: &str| Ok(self.path("data").join(name));
        let lazy = Lazy::new(self.folder.path().join("store"));
        let fetcher = Fetcher::new(&lazy, &Silent, Options::default());
        let packages = Packages::new(&fetcher, &Silent, packages::Policy::default());
        base::load(
            &reference.relative_to(self.folder.path()),
            Context {
                store: &self.store,
                wanted,
                data: &data,
                packages: &packages,
                threads: 2,
                observer: &Silent,
            },
        )
    }

    /// Builds over a base and fails the test where that fails.
    pub(super) fn build(&self, base: &str, plan: &ImagePlan) -> BuiltImage {
        let platforms = plan.platforms.iter().map(|plan| plan.platform).collect();
        let base = self.load(base, &Wanted::These(platforms)).expect("base");
        image::build(plan, &base, &self.store, 2).expect("image")
    }

    /// Writes an image as `-o` asks, relative to the folder.
    pub(super) fn write(
        &self,
        plan: &ImagePlan,
        image: &BuiltImage,
        spec: &str,
    ) -> Result<(), output::Error> {
        let spec: OutputSpec = spec.parse().expect(spec);
        let spec = spec.relative_to(self.folder.path());
        output::write(&[Item { plan, image }], &spec, &self.store, false).map(|_| ())
    }

    /// A base for these platforms at `oci:NAME`, with `usr/bin` and a link `/bin` to it.
    pub(super) fn base(&self, name: &str, platforms: &[&str]) {
        let tree = self.path(&format!("{name}.tree"));
        fs_err::create_dir_all(tree.join("usr/bin")).expect("folder");
        fs_err::write(tree.join("usr/bin/sh"), b"#!").expect("writes");
        let _ = fs_err::os::unix::fs::symlink("usr/bin", tree.join("bin"));
        let mut plan = plan(platforms, &[(&tree, "/")]);
        plan.tags = vec![format!("registry.example/{name}:1")];
        for platform in &mut plan.platforms {
            platform.config.cmd = Some(vec!["/bin/sh".to_owned()]);
            platform.config.env = vec![("PATH".to_owned(), "/bin".to_owned())];
        }
        let image = self.build("scratch", &plan);
        let spec = format!("type=oci-layout,dest={name}");
        self.write(&plan, &image, &spec).expect("layout");
    }

    /// The JSON of a blob in the store.
    pub(super) fn json(&self, digest: Digest) -> Value {
        let blob = self.store.blob(&digest).expect("stored");
        serde_json::from_slice(&fs_err::read(blob.path).expect("reads")).expect("json")
    }
}

/// A plan that lays files over a base, the same on all platforms.
pub(super) fn plan(platforms: &[&str], files: &[(&Path, &str)]) -> ImagePlan {
    let files: Vec<FilePlan> = files
        .iter()
        .map(|(source, destination)| FilePlan {
            source: (*source).to_owned(),
            destination: (*destination).to_owned(),
            mode: None,
            uid: 0,
            gid: 0,
            artifact: true,
        })
        .collect();
    ImagePlan {
        name: "app".to_owned(),
        base: "scratch".to_owned(),
        tags: Vec::new(),
        platforms: platforms
            .iter()
            .map(|name| PlatformPlan {
                platform: platform(name),
                config: ConfigPlan::default(),
                files: files.clone(),
                manifest_annotations: BTreeMap::new(),
                descriptor_annotations: BTreeMap::new(),
            })
            .collect(),
        index_annotations: BTreeMap::new(),
        index_descriptor_annotations: BTreeMap::new(),
        compression: Compression::GZIP,
        epoch: 0,
        always_index: false,
    }
}

/// Everything in a layout: path to digest.
pub(super) fn snapshot(root: &Path) -> BTreeMap<String, Digest> {
    let mut found = BTreeMap::new();
    let mut todo = vec![root.to_owned()];
    while let Some(folder) = todo.pop() {
        for entry in fs_err::read_dir(folder).expect("lists") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                todo.push(path);
            } else {
                let name = path
                    .strip_prefix(root)
                    .expect("below")
                    .display()
                    .to_string();
                found.insert(name, Digest::of(&fs_err::read(path).expect("reads")));
            }
        }
    }
    found
}
