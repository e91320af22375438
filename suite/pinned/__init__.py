"""What is pinned of each model: counts, hashes, published weights. Others import `lock`.

hub.py       one file of one revision over HTTP, resumed where it was cut off
lock.py      models.lock: what each model must come to.
relock.py    writes models.lock anew, with a worker
fetch.py     every file of a pin, in place only once its hash is right
convert.py   the files as safetensors, by a worker: nothing pickled is read at run time
verify.py    what lies in the folder against models.lock

FOLDER/NAME/REVISION/model.safetensors, receipt.json     a model's
FOLDER/NAME/REVISION/vocab.txt                           a tokenizer's
FOLDER/NAME/REVISION/*.part, *.refused                   not whole; of the wrong hash. Nothing reads them but fetch
"""
