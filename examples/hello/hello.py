"""A conversation in Python: hello.py MODEL.gguf QUESTION..."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "bindings" / "python"))  # not needed once it is installed
import coterie

if len(sys.argv) < 3:
    sys.exit(__doc__)
with coterie.Model(sys.argv[1]) as model, model.session() as session:
    messages = []
    for question in sys.argv[2:]:
        messages.append({"role": "user", "content": question})
        answer = ""
        for text in session.chat(messages, max_tokens=200):
            print(text, end="", flush=True)
            answer += text
        print()
        messages.append({"role": "assistant", "content": answer})
