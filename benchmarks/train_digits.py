"""Trains lxmert-digits and writes suite/worker/shipped/: the digits, and the weights. Needs scikit-learn; 2 minutes.

    PYTHONPATH=. python benchmarks/train_digits.py

What is held out is fixed by the images' numbers, and the number of epochs beforehand: nothing is chosen by the score.
"""

from __future__ import annotations

import time

import torch
from sklearn.datasets import load_digits

from suite.worker import digits, pinned, tensor_file
from suite.worker.models.lxmert_digits import PLUGIN, WEIGHTS

SEED, EPOCHS, BATCH, RATE, DECAY = 0, 25, 64, 1e-3, 0.01


def main() -> None:
    torch.set_num_threads(1)  # tensors are small: threads would only wait for one another, and sums keep their order
    found = load_digits()
    pixels, labels = torch.from_numpy(found.data).to(torch.uint8), torch.from_numpy(found.target).to(torch.uint8)
    print("digits:", tensor_file.write(digits.DATA, {"pixels": pixels, "labels": labels}))
    torch.manual_seed(SEED)
    model = PLUGIN.build({})
    train, test = (digits.asked(images, labels) for images in (digits.trained_on(), digits.held_out()))
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=RATE, total_steps=EPOCHS * -(-len(train) // BATCH), pct_start=0.1
    )
    began_s = time.monotonic()
    for epoch in range(EPOCHS):
        model.train()
        order, total = torch.randperm(len(train)).tolist(), 0.0
        for start in range(0, len(train), BATCH):
            batch = [train[place] for place in order[start : start + BATCH]]
            answers = torch.tensor([one.answer for one in batch])
            scores = model(**digits.inputs(batch, pixels)).question_answering_score
            loss = torch.nn.functional.cross_entropy(scores, answers)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item() * len(batch)
        print(f"epoch {epoch + 1}: loss {total / len(train):.4f}, {time.monotonic() - began_s:.0f} s", flush=True)
    model.eval()
    named = {own.names[0]: own.tensor for own in pinned.own_tensors(model)}
    print("parameters:", sum(tensor.numel() for tensor in named.values()))
    print("weights:", tensor_file.write(WEIGHTS, named))
    print(f"held out: {right(model, test, pixels)} of {len(test)} right")


def right(model: torch.nn.Module, questions: list[digits.Asked], pixels: torch.Tensor) -> int:
    count = 0
    with torch.inference_mode():
        for start in range(0, len(questions), 256):
            batch = questions[start : start + 256]
            given = model(**digits.inputs(batch, pixels)).question_answering_score.argmax(-1).tolist()
            count += sum(one.answer == answer for one, answer in zip(batch, given, strict=True))
    return count


if __name__ == "__main__":
    main()
