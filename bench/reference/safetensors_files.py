"""Reference files of the safetensors format, for packages/core/src/data.

    python safetensors_files.py write ../../packages/core/src/data/fixtures/safetensors.json
    python safetensors_files.py check FILE.safetensors     # prints what Python reads from a file that cmmd wrote

Made with safetensors 0.6.2, numpy 1.26.4, ml_dtypes 0.5.3 (Python 3.11).
"""

import base64
import json
import sys

import ml_dtypes
import numpy as np
from safetensors import safe_open
from safetensors.numpy import save


def write(path):
    values = [0.0, -0.0, 1.0, -2.5, 0.1, 65504.0, 6e-8, 3.14159265, float("inf"), float("-inf")]
    tensors = {
        "f32": np.array(values, np.float32).reshape(2, 5),
        "f64": np.array(values, np.float64),
        "f16": np.array(values, np.float16),
        "bf16": np.array(values, ml_dtypes.bfloat16),
        "i64": np.array([[0, -1, 2147483647, -2147483648]], np.int64),
        "i32": np.array([7, -7], np.int32),
        "i16": np.array([-32768, 32767], np.int16),
        "i8": np.array([-128, 127], np.int8),
        "u8": np.array([0, 1, 255], np.uint8),
        "bool": np.array([True, False, True]),
        "scalar": np.array(42.5, np.float32),
        "empty": np.zeros((0, 3), np.float32),
    }
    read = {
        name: {"shape": list(t.shape), "values": [repr(float(v)) for v in t.reshape(-1)]} for name, t in tensors.items()
    }
    file = save(tensors, {"made by": "safetensors", "ä": "ö"})
    fixture = {"file": base64.b64encode(file).decode(), "tensors": read}
    with open(path, "w") as out:
        json.dump(fixture, out, indent=1)
        out.write("\n")


def check(path):
    with safe_open(path, "numpy") as file:
        print(json.dumps(file.metadata(), sort_keys=True))
        for name in file.keys():
            tensor = file.get_tensor(name)
            print(name, tensor.dtype, list(tensor.shape), tensor.reshape(-1)[:8].tolist())


if __name__ == "__main__":
    {"write": write, "check": check}[sys.argv[1]](sys.argv[2])
