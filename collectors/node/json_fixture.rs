//! Answers of the kernel as node_exporter's tests have them: JSON objects, whose keys Go's reader takes in any case,
//! and in which everything may be left out.

use std::io;
use std::path::Path;

use kernel::{Error, read_file};
use serde_json::{Map, Value};

pub struct Object(Map<String, Value>);

/// The objects of a file that is an array of them. What is not an object is an empty one.
pub fn read_objects(path: &Path) -> kernel::Result<Vec<Object>> {
    match read_value(path)? {
        Value::Array(values) => Ok(values.into_iter().map(Object::of).collect()),
        Value::Null => Ok(Vec::new()),
        _ => Err(Error::io(path, io::Error::other("expected an array"))),
    }
}

/// The one object that a file is.
pub fn read_object(path: &Path) -> kernel::Result<Object> {
    read_value(path).map(Object::of)
}

fn read_value(path: &Path) -> kernel::Result<Value> {
    let mut buffer = Vec::new();
    let bytes = read_file(path, &mut buffer)?;
    serde_json::from_slice(bytes).map_err(|error| Error::io(path, error.into()))
}

impl Object {
    fn of(value: Value) -> Object {
        match value {
            Value::Object(map) => Object(map),
            _ => Object(Map::new()),
        }
    }

    /// 0 where it is left out.
    pub fn number<T: TryFrom<i128> + Default>(&self, key: &str) -> Result<T, String> {
        let Some(value) = self.value(key) else { return Ok(T::default()) };
        let number = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| format!("{key}: {value} is out of place"))
    }

    /// "" where it is left out.
    pub fn text(&self, key: &str) -> Result<String, String> {
        match self.value(key) {
            None => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(value) => Err(format!("{key}: {value} is out of place")),
        }
    }

    fn value(&self, key: &str) -> Option<&Value> {
        let any_case = || self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value);
        self.0.get(key).or_else(any_case).filter(|value| !value.is_null())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(text: &str) -> kernel::Result<Vec<Object>> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("some.json");
        std::fs::write(&path, text).expect("written");
        read_objects(&path)
    }

    #[test]
    fn keys_are_taken_in_any_case_and_what_is_left_out_is_nothing() {
        let all =
            objects(r#"[{"iFACEname": "eth0", "Bytes": 18446744073709551615, "signal": -52}, 7]"#).expect("valid");
        assert_eq!(all[0].text("IfaceName").as_deref(), Ok("eth0"));
        assert_eq!(all[0].number::<u64>("Bytes"), Ok(u64::MAX));
        assert_eq!((all[0].number::<i64>("Signal"), all[0].number::<u32>("Drops")), (Ok(-52), Ok(0)));
        assert_eq!(all[1].text("IfaceName").as_deref(), Ok(""));
    }

    #[test]
    fn a_value_of_another_kind_is_told() {
        let all = objects(r#"[{"Bytes": "many", "Drops": -1, "Kind": 3}]"#).expect("valid");
        assert_eq!(all[0].number::<u64>("Bytes"), Err(r#"Bytes: "many" is out of place"#.to_owned()));
        assert_eq!(all[0].number::<u32>("Drops"), Err("Drops: -1 is out of place".to_owned()));
        assert_eq!(all[0].text("Kind"), Err("Kind: 3 is out of place".to_owned()));
        let error = objects("[{").err().expect("cut off").to_string();
        assert!(error.contains("some.json: EOF while parsing"), "{error}");
        assert!(objects("{}").is_err());
    }
}
