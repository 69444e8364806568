"""The model as ONNX for transformers.js, from its bf16 folder: FOLDER/onnx/model.onnx in float32, and model_q4.onnx with matrices in 4 bits.

    export-onnx.py BF16_FOLDER FOLDER

Wants torch 2.13.0, transformers 4.57.6, optimum 2.1.0, optimum-onnx 0.1.0, onnx 1.23.2, onnxruntime and onnx_ir; some minutes and 3 GB.
"""
import os
import sys

import onnx
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from optimum.exporters.onnx import main_export

source, folder = sys.argv[1], sys.argv[2]
main_export(source, output=folder, task="text-generation-with-past", dtype="fp32", no_post_process=True)
os.makedirs(os.path.join(folder, "onnx"), exist_ok=True)
path = os.path.join(folder, "onnx", "model.onnx")
os.replace(os.path.join(folder, "model.onnx"), path)
quantizer = MatMulNBitsQuantizer(onnx.load(path), block_size=32, is_symmetric=True, accuracy_level=4)
quantizer.process()
onnx.save(quantizer.model.model, os.path.join(folder, "onnx", "model_q4.onnx"))
print('"' + folder + '"')
