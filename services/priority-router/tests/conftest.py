import sys
from pathlib import Path

# the helpers of these tests (router_desk, router_oracle) are plain modules beside them
sys.path.insert(0, str(Path(__file__).parent))
