"""Small parquet files in the columns of the published benchmarks, for tests: python make_parquet.py packages/eval/src/fixtures/benchmarks

Made with pyarrow 26.0.1 and Pillow 13.0.0. Columns and types as lmms-eval 0.7.3's tasks read them (see benchmarks/columns.ts); an
image is a struct of bytes and path, as the datasets library writes it. Pictures are PNGs of one colour, as wide as their number.
"""

import io
import os
import sys

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

out = sys.argv[1]
image_type = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def image(width):
    buffer = io.BytesIO()
    Image.new("RGB", (width, 2), (10 * width, 20, 30)).save(buffer, "PNG")
    return {"bytes": buffer.getvalue(), "path": f"{width}.png"}


def write(path, columns, compression="snappy", row_group_size=2):
    full = os.path.join(out, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    names = list(columns)
    arrays = [pa.array(values, kind) for kind, values in columns.values()]
    pq.write_table(pa.table(dict(zip(names, arrays))), full, compression=compression, row_group_size=row_group_size)


text = pa.string()
texts = pa.list_(pa.string())
images = lambda n, start=1: (image_type, [image(start + i) for i in range(n)])

write(
    "chartqa/data/test-00000-of-00001.parquet",
    {
        "type": (text, ["human_test", "augmented_test", "human_test"]),
        "question": (text, ["How much?", "Which year?", "Größter Wert?"]),
        "answer": (text, ["14", "1999", "blue"]),
        "image": images(3),
    },
)
document = {
    "questionId": (text, ["49153", "49154", "49155"]),
    "question": (text, ["What is the date?", "Who signed?", "Total?"]),
    "question_types": (texts, [["form"], ["layout"], ["table/list"]]),
    "answers": (texts, [["1/8/93", "January 8, 1993"], ["P. Carter"], ["$ 12"]]),
    "data_split": (text, ["val"] * 3),
    "image": images(3),
}
write("docvqa/DocVQA/validation-00000-of-00001.parquet", document, compression="zstd")
write("docvqa/DocVQA/test-00000-of-00001.parquet", {**document, "answers": (texts, [None, None, None])})
write("docvqa/InfographicVQA/validation-00000-of-00001.parquet", {**document, "question": (text, ["A?", "B?", "C?"])}, compression="gzip")
# Two files of one split.
for part, start in ((0, 0), (1, 2)):
    write(
        f"textvqa/data/validation-0000{part}-of-00002.parquet",
        {
            "question_id": (pa.int32(), [34602 + start, 34603 + start]),
            "question": (text, ["what is the brand?", "what does it SAY?"]),
            "image": images(2, 1 + start),
            "answers": (texts, [["nokia"] * 8 + ["Nokia", "toshiba"], ["stop"] * 10]),
        },
    )
write(
    "ocrbench/data/test-00000-of-00001.parquet",
    {
        "dataset": (text, ["IIIT5K", "HME100k"]),
        "question": (text, ["what is written in the image?", "Please write out the expression of the formula in the image using LaTeX format."]),
        "question_type": (text, ["Regular Text Recognition", "Handwritten Mathematical Expression Recognition"]),
        "answer": (texts, [["CENTRE"], ["x ^ { 2 }"]]),
        "image": images(2),
    },
)
write(
    "realworldqa/data/test-00000-of-00001.parquet",
    {
        "image": images(2),
        "image_path": (text, ["0.webp", "1.webp"]),
        "question": (text, ["Where is the car?\nA. left\nB. right\nPlease answer directly with only the letter of the correct option and nothing else.", "How many lanes?"]),
        "answer": (text, ["B", "3"]),
    },
)
write(
    "ai2d/data/test-00000-of-00001.parquet",
    {
        "question": (text, ["which of these defines the moon", "What is at C?"]),
        "options": (texts, [["a star", "a satellite", "a planet", "a comet"], ["leaf", "root"]]),
        "answer": (text, ["1", "0"]),
        "image": images(2),
    },
)
write(
    "gqa/testdev_balanced_instructions/testdev-00000-of-00001.parquet",
    {
        "id": (text, ["201307251", "201640614"]),
        "imageId": (text, ["n161313", "n235859"]),
        "question": (text, ["Is it overcast?", "Who wears the dress?"]),
        "answer": (text, ["no", "woman"]),
        "fullAnswer": (text, ["No, it is clear.", "The woman wears a dress."]),
    },
)
write("gqa/testdev_balanced_images/testdev-00000-of-00001.parquet", {"id": (text, ["n235859", "n161313"]), "image": images(2, 7)})
mme_question = "Is there a person in this image? Please answer yes or no."
write(
    "mme/data/test-00000-of-00001.parquet",
    {
        "question_id": (text, ["code_reasoning/0020.png"] * 2 + ["existence/1.png"] * 2),
        "image": images(4),
        "question": (text, [mme_question, mme_question.replace("person", "dog")] * 2),
        "answer": (text, ["Yes", "No"] * 2),
        "category": (text, ["code_reasoning"] * 2 + ["existence"] * 2),
    },
)
write(
    "pope/data/test-00000-of-00001.parquet",
    {
        "id": (text, ["0", "1"]),
        "question_id": (text, ["1", "2"]),
        "question": (text, ["Is there a snowboard in the image?", "Is there a backpack in the image?"]),
        "answer": (text, ["yes", "no"]),
        "image_source": (text, ["COCO_val2014_000000310196"] * 2),
        "image": images(2),
        "category": (text, ["adversarial"] * 2),
    },
)
