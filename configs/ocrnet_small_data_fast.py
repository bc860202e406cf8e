# configs/ocrnet_small_data.py for where a picture's time counts: it reads the best 100 candidates
# instead of 300, so it is for pictures of fewer than 50 objects. Each one's weights serve the
# other.
_base_ = './ocrnet_small_data.py'

model = dict(test_cfg=dict(rpn=dict(nms_pre=300, max_per_img=100)))
