// SPDX-License-Identifier: GPL-2.0
/*
 * A machine far away: asks it something, and waits for the answer, but not for ever
 *
 * The machine is umtt's echo device, which answers after as many nanoseconds as it
 * is asked for. Write them to the device's attribute "ask"; what it took can be
 * read from it. One question at a time.
 */
#include <linux/completion.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>

#define ECHO_ID	63

static unsigned int timeout_ms = 1000;
module_param(timeout_ms, uint, 0444);
MODULE_PARM_DESC(timeout_ms, "how long to wait for an answer");

struct question {
	__le64 latency_ns, cookie;
};

struct answer {
	__le64 cookie, t_start, t_done;
	__le32 status, payload_len;
};

struct far_away {
	struct virtqueue *vq;
	struct mutex lock;
	struct completion answered;
	bool waiting;	/* the device has the buffers below */
	ktime_t took;
	struct question question;
	struct answer answer;
};

static void far_away_interrupt(struct virtqueue *vq)
{
	struct far_away *f = vq->vdev->priv;
	unsigned int len;

	if (!virtqueue_get_buf(vq, &len))
		return;
	WRITE_ONCE(f->waiting, false);
	complete(&f->answered);
}

static int far_away_send(struct far_away *f, u64 ns)
{
	struct scatterlist out, in, *sgs[] = { &out, &in };
	int err;

	f->question.latency_ns = cpu_to_le64(ns);
	sg_init_one(&out, &f->question, sizeof(f->question));
	sg_init_one(&in, &f->answer, sizeof(f->answer));
	reinit_completion(&f->answered);
	err = virtqueue_add_sgs(f->vq, sgs, 1, 1, f, GFP_KERNEL);
	if (err)
		return err;
	WRITE_ONCE(f->waiting, true);
	virtqueue_kick(f->vq);
	return 0;
}

static int far_away_ask(struct far_away *f, u64 ns)
{
	ktime_t start = ktime_get();
	int err;

	/* An answer for which nobody waits any more may still come. */
	if (READ_ONCE(f->waiting))
		return -EBUSY;
	err = far_away_send(f, ns);
	if (err)
		return err;
	if (!wait_for_completion_timeout(&f->answered,
					 msecs_to_jiffies(timeout_ms)))
		return -ETIMEDOUT;
	f->took = ktime_sub(ktime_get(), start);
	return 0;
}

static ssize_t ask_store(struct device *dev, struct device_attribute *attr,
			 const char *buf, size_t count)
{
	struct far_away *f = dev_to_virtio(dev)->priv;
	u64 ns;
	int err = kstrtou64(buf, 0, &ns);

	if (err)
		return err;
	mutex_lock(&f->lock);
	err = far_away_ask(f, ns);
	mutex_unlock(&f->lock);
	return err ? err : (ssize_t)count;
}

static ssize_t ask_show(struct device *dev, struct device_attribute *attr,
			char *buf)
{
	struct far_away *f = dev_to_virtio(dev)->priv;

	return sysfs_emit(buf, "%lld\n", ktime_to_ns(f->took));
}
static DEVICE_ATTR_RW(ask);

static struct attribute *far_away_attrs[] = { &dev_attr_ask.attr, NULL };
ATTRIBUTE_GROUPS(far_away);

static int far_away_probe(struct virtio_device *vdev)
{
	struct far_away *f = kzalloc(sizeof(*f), GFP_KERNEL);
	int err;

	if (!f)
		return -ENOMEM;
	vdev->priv = f;
	mutex_init(&f->lock);
	init_completion(&f->answered);
	f->vq = virtio_find_single_vq(vdev, far_away_interrupt, "questions");
	if (IS_ERR(f->vq)) {
		err = PTR_ERR(f->vq);
		kfree(f);
		return err;
	}
	return 0;
}

static void far_away_remove(struct virtio_device *vdev)
{
	struct far_away *f = vdev->priv;

	virtio_reset_device(vdev);
	vdev->config->del_vqs(vdev);
	kfree(f);
}

static const struct virtio_device_id far_away_ids[] = {
	{ ECHO_ID, VIRTIO_DEV_ANY_ID },
	{ 0 }
};
MODULE_DEVICE_TABLE(virtio, far_away_ids);

static struct virtio_driver far_away_driver = {
	.driver.name = "far_away",
	.driver.dev_groups = far_away_groups,
	.id_table = far_away_ids,
	.probe = far_away_probe,
	.remove = far_away_remove,
};
module_virtio_driver(far_away_driver);

MODULE_DESCRIPTION("A machine far away");
MODULE_LICENSE("GPL");
