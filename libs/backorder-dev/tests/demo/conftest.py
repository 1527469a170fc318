import sys
from pathlib import Path

# the helpers of these tests (demo_desk, demo_desk_books) are plain modules beside them
sys.path.insert(0, str(Path(__file__).parent))
