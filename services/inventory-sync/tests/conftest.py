import sys
from pathlib import Path

# the helpers of these tests (supply_world, supply_oracle) are plain modules beside them
sys.path.insert(0, str(Path(__file__).parent))
