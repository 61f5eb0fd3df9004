//! Who a cgroup is: path grammar, runtime metadata.
